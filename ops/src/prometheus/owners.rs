//! The owner of an alert, who is notified. The owner is a label of an info metric. It is joined to what an alert finds
//! so that the alert fires whatever the info metric is: absent, there twice, or without a name.

use super::promql::{indented, quoted};
use super::rule::Recording;
use super::time::{Scale, Span};

/// The owner of what has none.
pub const NOBODY: &str = "(nobody)";

/// What the owner of an alert is the owner of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// That of the schema in the label `schema`.
    Schema,
    /// That of the check in the label `check`.
    Check,
    /// That of Landfall.
    Landfall,
    /// That of Landfall, for what knows no instance: the one owner of all instances of the job.
    Job,
}

impl Owner {
    /// Those for which Landfall exposes an info metric.
    const EXPOSED: [(Self, &str); 3] = [
        (Self::Schema, "landfall_schema_owner_info"),
        (Self::Check, "landfall_check_owner_info"),
        (Self::Landfall, "landfall_owner_info"),
    ];

    /// The recorded series, with at most one owner for each.
    fn unique(self) -> &'static str {
        match self {
            Self::Schema => "schema:landfall_schema_owner_info:unique",
            Self::Check => "check:landfall_check_owner_info:unique",
            Self::Landfall => "instance:landfall_owner_info:unique",
            Self::Job => "job:landfall_owner_info:unique",
        }
    }

    /// How long an owner is remembered while no scrape has it, so that an alert keeps its owner while Landfall is down.
    /// Those of schemas, which are many, are remembered for as long as most counts look back.
    fn remembered(self) -> Span {
        match self {
            Self::Schema => Span::hours(1),
            Self::Check => Span::days(1),
            Self::Landfall | Self::Job => Span::days(3),
        }
    }

    fn label(self) -> Option<&'static str> {
        match self {
            Self::Schema => Some("schema"),
            Self::Check => Some("check"),
            Self::Landfall | Self::Job => None,
        }
    }

    /// Gives each series of `expr` the label `owner`. `labels` are all that it has beside those of its
    /// target.
    pub fn of(self, expr: &str, labels: &[&str]) -> String {
        let mut ignored: Vec<&str> = labels
            .iter()
            .copied()
            .filter(|label| Some(*label) != self.label())
            .collect();
        ignored.push("owner");
        let matching = match self {
            Self::Job => "on (job)".to_owned(),
            _ => format!("ignoring ({})", ignored.join(", ")),
        };
        let unique = self.unique();
        let inner = indented(expr);
        format!(
            "(\n{inner}\n)\n* {matching} group_left (owner) {unique}\nor\nlabel_replace(\n  (\n{}\n  ),\n  \"owner\", {}, \"\", \"\"\n)\nunless {matching} {unique}",
            indented(&inner),
            quoted(NOBODY)
        )
    }
}

/// The owners that exactly one series has; after a scrape that failed, those of the last one.
pub fn recordings(scale: Scale) -> Vec<Recording> {
    let mut recordings: Vec<Recording> = Owner::EXPOSED
        .into_iter()
        .map(|(owner, info)| {
            let info = format!("{info}{{owner!=\"\"}}");
            let remembered = scale.of(owner.remembered());
            let known = format!(
                "(\n  {info}\n  or\n  (last_over_time({info}[{remembered}]) unless ignoring (owner) {info})\n)"
            );
            Recording {
                name: owner.unique().to_owned(),
                expr: format!("{known}\nunless ignoring (owner)\n(\n  count without (owner) {} > 1\n)", indented(&known).trim_start()),
            }
        })
        .collect();
    // Those of now; only if there is none, those that are remembered.
    let of_all = format!(
        "(\n  group by (job, owner) (landfall_owner_info{{owner!=\"\"}})\n  or\n  group by (job, owner) ({}) unless on (job) landfall_owner_info{{owner!=\"\"}}\n)",
        Owner::Landfall.unique()
    );
    recordings.push(Recording {
        name: Owner::Job.unique().to_owned(),
        expr: format!("{of_all}\nunless on (job)\n(\n  count by (job) {of_all} > 1\n)"),
    });
    recordings
}
