//! A case: a world, and which alerts have to fire in it, and when.

use super::healthy;
use super::world::{Variant, World};

/// An alert that is to fire.
#[derive(Clone, Debug)]
pub struct Firing {
    pub alert: &'static str,
    /// Beside severity, component, job and instance.
    pub labels: Vec<(&'static str, String)>,
    /// What it says; None: anything.
    pub summary: Option<String>,
    /// The instance; None: it has none.
    pub instance: Option<&'static str>,
}

impl Firing {
    pub fn label(mut self, label: &'static str, value: &str) -> Self {
        self.labels.push((label, value.to_owned()));
        self
    }

    pub fn says(self, summary: &str) -> Self {
        Self {
            summary: Some(summary.to_owned()),
            ..self
        }
    }

    pub fn instance(self, instance: Option<&'static str>) -> Self {
        Self { instance, ..self }
    }
}

pub fn firing(alert: &'static str) -> Firing {
    Firing {
        alert,
        labels: Vec::new(),
        summary: None,
        instance: Some(super::world::INSTANCE),
    }
}

/// All alerts that fire at a minute.
#[derive(Clone, Debug)]
pub struct Look {
    pub minute: u32,
    pub firing: Vec<Firing>,
}

#[derive(Clone, Debug)]
pub struct Case {
    /// The alert that it is about; "" if about all.
    pub alert: &'static str,
    pub name: &'static str,
    pub minutes: u32,
    /// Scrapes of a minute alone: of 15 s it would be long.
    pub is_long: bool,
    pub change: fn(&mut World),
    pub looks: Vec<Look>,
}

/// Begins a case about an alert, of so many minutes.
pub fn case(alert: &'static str, name: &'static str, minutes: u32, change: fn(&mut World)) -> Case {
    Case {
        alert,
        name,
        minutes,
        is_long: minutes > 600,
        change,
        looks: Vec::new(),
    }
}

impl Case {
    /// At that minute these alerts fire, and no others.
    pub fn at(mut self, minute: u32, firing: impl Into<Vec<Firing>>) -> Self {
        assert!(minute <= self.minutes, "{}: {minute}", self.name);
        self.looks.push(Look {
            minute,
            firing: firing.into(),
        });
        self
    }

    /// At that minute none fires.
    pub fn quiet_at(self, minute: u32) -> Self {
        self.at(minute, [])
    }

    /// None fires, whenever one looks.
    pub fn quiet(self) -> Self {
        let minutes = self.minutes;
        let step = (minutes / 60).max(1);
        (1..=minutes)
            .step_by(step as usize)
            .fold(self, Self::quiet_at)
    }

    pub fn world(&self, variant: Variant) -> World {
        let mut world = healthy::world(variant, self.minutes);
        (self.change)(&mut world);
        world
    }

    pub fn fires(&self) -> bool {
        self.looks
            .iter()
            .any(|look| look.firing.iter().any(|one| one.alert == self.alert))
    }

    /// Whether all that the alert says is demanded.
    pub fn tells_in_full(&self) -> bool {
        self.looks.iter().any(|look| {
            look.firing
                .iter()
                .any(|one| one.alert == self.alert && one.summary.is_some())
        })
    }

    /// Whether it looks when the alert does not fire, in a world in which something is wrong.
    pub fn stays_quiet(&self) -> bool {
        self.looks
            .iter()
            .all(|look| look.firing.iter().all(|one| one.alert != self.alert))
    }
}
