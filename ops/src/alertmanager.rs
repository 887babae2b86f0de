//! An example of how alerts become notifications: one for each outage, not one for each schema.
