//! Metrics that no panel shows, and why. A test of the program checks that each metric of the registry is either on
//! a panel or here.

/// Name and reason.
pub const UNSHOWN: [(&str, &str); 4] = [
    (
        "landfall_source_seeing",
        "it is for a query by hand: the panel of what is not seen shows the causes, and /readyz names the endpoint.",
    ),
    (
        "landfall_sequence_landings_unknown_total",
        "it is for a query by hand: it bounds how many more of the numbers that were left out landed.",
    ),
    (
        "landfall_sequence_sources_forgotten_total",
        "it is for a query by hand: the log says once that a stream has too many sources.",
    ),
    (
        "landfall_unconfirmed_events",
        "the panel of verdicts shows when events become unconfirmed, and `landfall missing --verdict unconfirmed` names them.",
    ),
];
