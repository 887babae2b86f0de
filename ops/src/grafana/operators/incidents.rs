//! Incidents and alerts.

use crate::grafana::ALERTNAMES;
use crate::grafana::build::{Column, Draft, unit};
use crate::grafana::colours::{ALERTS, BAD, CAUSES, GOOD, WARNING};
use crate::grafana::expr::*;
use crate::grafana::layout::Section;
use crate::grafana::titles;

pub fn section() -> Section {
    Section::new(
        "Incidents and alerts",
        vec![open(), opened(), alerts(), states()],
    )
}

fn open() -> Draft {
    Draft::graph(titles::INCIDENTS, "Incidents that are open, by cause. None is good; an incident that flaps is one. `landfall incidents` has the timeline with counts.")
        .ask("{{cause}}", sum_by("cause", &all("landfall_incidents_open", &[])))
        .stacked()
        .steps()
        .decimals(0)
        .named(&CAUSES)
        .see("what-the-incidents-mean")
}

fn opened() -> Draft {
    let opened = sum_by("cause", &grown("landfall_incidents_total", &[]));
    Draft::table("Incidents by cause", "How many incidents were opened in the chosen time, and how many are open now. Each cause has its paragraph of what to do.")
        .columns(&[("cause", "cause")], vec![
            Column::new("opened", unit::NUMBER, format!("round({opened})")).decimals(0),
            Column::new("open now", unit::NUMBER, sum_by("cause", &all("landfall_incidents_open", &[]))).marked_from(1.0, BAD),
        ])
        .sorted("open now")
        .see("what-the-incidents-mean")
}

/// Alerts of Landfall's rules; not all of them have the labels of a target.
fn of_ours(state: &str) -> String {
    format!(r#"ALERTS{{alertname=~"{ALERTNAMES}",alertstate="{state}"}}"#)
}

fn alerts() -> Draft {
    let labels = "alertname, alertstate, severity, owner, schema, check, instance";
    let alerts = format!(r#"ALERTS{{alertname=~"{ALERTNAMES}"}}"#);
    Draft::table("Alerts", "Alerts of Landfall's rules that fire now or are about to (pending). None is good, if Prometheus has loaded the rules.")
        .columns(
            &[
                ("alertname", "alert"),
                ("alertstate", "state"),
                ("severity", "severity"),
                ("owner", "owner"),
                ("schema", "schema"),
                ("check", "check"),
                ("instance", "instance"),
            ],
            vec![Column::new("alerts", unit::NUMBER, format!("count by ({labels}) ({alerts})")).hidden()],
        )
        .texts("severity", &ALERTS)
        .texts("state", &[("pending", WARNING), ("firing", BAD)])
        .no_value("none")
        .see("alarms")
}

fn states() -> Draft {
    let firing = max_by("alertname", &of_ours("firing"));
    let pending = max_by("alertname", &of_ours("pending"));
    Draft::states(
        "Alerts over time",
        "When which alert of Landfall's rules was pending and firing. None is good.",
    )
    .ask("{{alertname}}", format!("2 * {firing} or {pending}"))
    .states_are(&[("1", "pending", WARNING), ("2", "firing", BAD)])
    .thresholds(GOOD, &[(1.0, WARNING), (2.0, BAD)])
    .no_value("none")
    .see("alarms")
}
