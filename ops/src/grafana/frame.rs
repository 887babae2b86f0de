//! What both dashboards have around their panels: variables, annotations, links.

use super::colours::{BAD, NEUTRAL, SEVERITIES, of};
use super::expr::{CHECK, all};
use super::layout::{Section, laid_out};
use super::model::*;
use crate::Parameters;

/// Range and step in which an annotation looks for a change: two changes in neighbouring steps are one annotation.
const MARK_RANGE: &str = "2m";
const MARK_STEP: &str = "1m";

pub fn operators(parameters: &Parameters, sections: Vec<Section>) -> Dashboard {
    dashboard(
        parameters,
        "landfall-operators",
        "Landfall: does everything land?",
        "For operators: what came in and what became of it, what is missing, incidents, latency, and whether Landfall sees everything.",
        sections,
    )
}

pub fn checks(parameters: &Parameters, sections: Vec<Section>) -> Dashboard {
    dashboard(
        parameters,
        "landfall-checks",
        "Landfall: checks",
        "For authors of checks: which version judges, what it said, where it failed, what it costs, and how near its limits it is.",
        sections,
    )
}

fn dashboard(
    parameters: &Parameters,
    uid: &'static str,
    title: &'static str,
    description: &str,
    sections: Vec<Section>,
) -> Dashboard {
    let panels = laid_out(sections, &parameters.runbook_url);
    let asked = |name: &str| {
        let name = format!("${name}");
        let panels = panels.iter().filter_map(|entry| match entry {
            Entry::Panel(panel) => Some(panel),
            Entry::Row(_) => None,
        });
        panels
            .flat_map(|panel| &panel.targets)
            .any(|target| target.expr.contains(&name))
    };
    Dashboard {
        uid,
        title,
        description: description.to_owned(),
        tags: vec!["landfall"],
        timezone: "browser",
        editable: true,
        graph_tooltip: 1,
        time: TimeRange {
            from: "now-6h",
            to: "now",
        },
        timepicker: TimePicker {
            refresh_intervals: vec!["15s", "30s", "1m", "5m", "15m", "1h"],
        },
        refresh: "1m",
        schema_version: SCHEMA_VERSION,
        version: 1,
        links: links(uid, &parameters.runbook_url),
        templating: Templating {
            list: variables(asked),
        },
        annotations: Annotations {
            list: annotations(),
        },
        panels,
    }
}

/// To the other dashboard, with the same choices and time, and to the runbook.
fn links(uid: &str, runbook_url: &str) -> Vec<Link> {
    let dashboards = [
        (
            "landfall-operators",
            "Does everything land?",
            "What came in and what became of it",
        ),
        (
            "landfall-checks",
            "Checks",
            "What each check said, where it failed, what it costs",
        ),
    ];
    let mut links: Vec<_> = dashboards
        .into_iter()
        .filter(|(other, ..)| *other != uid)
        .map(|(other, title, tooltip)| Link {
            title: title.into(),
            kind: "link",
            icon: "dashboard",
            tooltip: tooltip.into(),
            url: format!("/d/{other}"),
            tags: Vec::new(),
            as_dropdown: false,
            target_blank: false,
            include_vars: true,
            keep_time: true,
        })
        .collect();
    links.push(Link {
        title: "Runbook".into(),
        kind: "link",
        icon: "doc",
        tooltip: "How Landfall is run, and what each incident and alarm means".into(),
        url: runbook_url.into(),
        tags: Vec::new(),
        as_dropdown: false,
        target_blank: true,
        include_vars: false,
        keep_time: false,
    });
    links
}

/// The variables. One that no panel uses is kept for the links, and not shown.
fn variables(asked: impl Fn(&str) -> bool) -> Vec<Variable> {
    let datasource = Variable {
        kind: "datasource",
        name: "datasource",
        label: "Prometheus",
        description: "The Prometheus that scrapes Landfall".into(),
        query: VariableQuery::Kind("prometheus"),
        datasource: None,
        current: None,
        multi: false,
        include_all: false,
        all_value: None,
        hide: 0,
        refresh: 1,
        regex: "",
        sort: 1,
    };
    let target = r#"job=~"$job""#;
    let values = |name, label, description: &str, metric: &str, anything| Variable {
        kind: "query",
        name,
        label,
        description: description.into(),
        query: VariableQuery::Values {
            query: format!("label_values({metric}, {name})"),
            qry_type: 1,
            ref_id: "Variable",
        },
        datasource: Some(PROMETHEUS),
        current: Some(Current {
            selected: true,
            text: vec!["All"],
            value: vec!["$__all"],
        }),
        multi: true,
        include_all: true,
        // `.*` is shorter than 500 names. Where it would match other programs, the names are used.
        all_value: if anything { Some(".*") } else { None },
        hide: if asked(name) { 0 } else { 2 },
        refresh: 2,
        regex: "",
        sort: 1,
    };
    vec![
        datasource,
        values(
            "job",
            "Job",
            "Jobs under which Prometheus scrapes Landfalls",
            "landfall_build_info",
            false,
        ),
        values(
            "instance",
            "Instance",
            "The Landfalls",
            &format!("landfall_build_info{{{target}}}"),
            false,
        ),
        values(
            "schema",
            "Schema",
            "Schemas that have series of their own, (unknown), (none) and (other)",
            &all("landfall_events_total", &[]),
            true,
        ),
        values(
            "stream",
            "Stream",
            "raw is what enters the pipeline, written what the writer says it wrote",
            &all("landfall_frontier_lag_seconds", &[]),
            true,
        ),
        values(
            "check",
            "Check",
            "Checks that judge",
            &all("landfall_check_info", &[]),
            true,
        ),
    ]
}

fn annotations() -> Vec<Annotation> {
    let changed = |by: &str, metric: &str| {
        format!(
            "sum by ({by}) (changes({}[{MARK_RANGE}])) > 0",
            all(metric, &[])
        )
    };
    // Each version has a series of its own: a new version is a series that was not there before.
    let new = |by: &str, metric: &str, matchers: &[&str]| {
        let series = all(metric, matchers);
        format!(
            "count by ({by}) ({series})\n  unless count by ({by}) (max_over_time({series}[{MARK_RANGE}] offset {MARK_STEP}))"
        )
    };
    let mark = |name, icon_color, expr, title_format, tag_keys| Annotation {
        name,
        datasource: PROMETHEUS,
        enable: true,
        hide: false,
        icon_color,
        expr,
        step: MARK_STEP,
        title_format,
        text_format: "",
        tag_keys,
    };
    let info = of(&SEVERITIES, "info");
    vec![
        mark(
            "Incidents",
            BAD,
            changed("cause", "landfall_incidents_total"),
            "incident: {{cause}}",
            "cause",
        ),
        mark(
            "Starts",
            NEUTRAL,
            changed("instance", "landfall_process_start_time_seconds"),
            "Landfall was started",
            "instance",
        ),
        mark(
            "Landfall's versions",
            info,
            new("version", "landfall_build_info", &[]),
            "Landfall {{version}}",
            "version",
        ),
        mark(
            "Checks' versions",
            info,
            new("check, version", "landfall_check_info", &[CHECK]),
            "{{check}} {{version}}",
            "check,version",
        ),
        mark(
            "Reloads",
            info,
            changed("outcome", "landfall_reloads_total"),
            "reload: {{outcome}}",
            "outcome",
        ),
    ]
}
