//! What every panel, variable and link of both dashboards has to be.

use std::collections::BTreeSet;
use std::path::Path;

use super::colours::{CAUSES, Named, SEVERITIES, STREAMS, VERDICTS};
use super::layout::WIDTH;
use super::model::*;
use super::*;

fn both() -> [Dashboard; 2] {
    dashboards(&Parameters::default())
}

/// Dashboard and title of each panel, for messages, with the panel.
fn panels(dashboards: &[Dashboard]) -> Vec<(String, &Panel)> {
    let panels = dashboards.iter().flat_map(|dashboard| {
        dashboard
            .panels()
            .map(move |panel| (format!("{}: {}", dashboard.uid, panel.title), panel))
    });
    panels.collect()
}

#[test]
fn every_panel_has_a_title_of_its_own_and_says_what_it_shows() {
    let both = both();
    let mut titles = BTreeSet::new();
    for (place, panel) in panels(&both) {
        assert!(titles.insert(place.clone()), "{place} is there twice");
        let sentences = panel.description.matches(". ").count() + 1;
        assert!(
            panel.description.ends_with('.'),
            "{place}: {}",
            panel.description
        );
        assert!(
            (1..=4).contains(&sentences),
            "{place} has {sentences} sentences"
        );
        assert!(!panel.targets.is_empty(), "{place} asks nothing");
    }
}

#[test]
fn panels_fill_the_width_and_overlap_nowhere() {
    for dashboard in both() {
        let places: Vec<GridPos> = dashboard
            .panels
            .iter()
            .map(|entry| match entry {
                Entry::Row(row) => row.grid_pos,
                Entry::Panel(panel) => panel.grid_pos,
            })
            .collect();
        let bottom = places
            .iter()
            .map(|at| at.y + at.h)
            .max()
            .unwrap_or_default();
        for y in 0..bottom {
            for x in 0..WIDTH {
                let there = |at: &&GridPos| {
                    (at.x..at.x + at.w).contains(&x) && (at.y..at.y + at.h).contains(&y)
                };
                let found = places.iter().filter(there).count();
                assert_eq!(
                    found, 1,
                    "{}: panels at column {x}, line {y}",
                    dashboard.uid
                );
            }
        }
        let right = places.iter().map(|at| at.x + at.w).max();
        assert_eq!(right, Some(WIDTH), "{}", dashboard.uid);
        let ids: BTreeSet<u32> = dashboard
            .panels
            .iter()
            .map(|entry| match entry {
                Entry::Row(row) => row.id,
                Entry::Panel(panel) => panel.id,
            })
            .collect();
        assert_eq!(
            ids.len(),
            dashboard.panels.len(),
            "{}: numbers of panels",
            dashboard.uid
        );
    }
}

/// What a series is called without a legend is all of its labels.
#[test]
fn legends_name_the_series() {
    let both = both();
    for (place, panel) in panels(&both) {
        let one_number = matches!(panel.options, Options::Stat(_));
        let mut legends = BTreeSet::new();
        for target in &panel.targets {
            let legend = &target.legend_format;
            assert!(
                one_number || !legend.is_empty(),
                "{place}, {}",
                target.ref_id
            );
            assert!(legends.insert(legend), "{place}: {legend} twice");
            for label in legend
                .split("{{")
                .skip(1)
                .filter_map(|rest| rest.split("}}").next())
            {
                // A label that no aggregation keeps would be empty.
                let kept = target.expr.contains(label);
                assert!(
                    kept,
                    "{place}, {}: {label} is not in {}",
                    target.ref_id, target.expr
                );
            }
        }
    }
}

/// With 500 schemas a graph of all is none, and their queries would be slow to draw.
#[test]
fn graphs_by_schema_or_reason_have_few_series() {
    let both = both();
    for (place, panel) in panels(&both) {
        if matches!(panel.options, Options::Table(_)) {
            continue;
        }
        for target in &panel.targets {
            let many = ["{{schema}}", "{{reason}}", "{{kind}}"];
            if many
                .iter()
                .any(|label| target.legend_format.contains(label))
            {
                let bounded =
                    target.expr.contains("topk(") || target.expr.contains("frames_refused");
                assert!(bounded, "{place}, {}: {}", target.ref_id, target.expr);
            }
        }
    }
}

#[test]
fn rates_are_over_what_grafana_knows_to_be_long_enough() {
    let both = both();
    for (place, panel) in panels(&both) {
        for target in &panel.targets {
            let ranges = target
                .expr
                .split('[')
                .skip(1)
                .filter_map(|rest| rest.split(']').next());
            for range in ranges {
                assert!(
                    ["$__rate_interval", "$__range"].contains(&range),
                    "{place}: [{range}]"
                );
            }
            for rate in target.expr.split("rate(").skip(1) {
                let range = rate.split(['[', ']']).nth(1);
                assert_eq!(range, Some("$__rate_interval"), "{place}: {}", target.expr);
            }
        }
    }
}

#[test]
fn every_query_chooses_the_target_and_knows_its_variables() {
    for dashboard in both() {
        let names: BTreeSet<&str> = dashboard
            .templating
            .list
            .iter()
            .map(|variable| variable.name)
            .collect();
        let wanted = ["check", "datasource", "instance", "job", "schema", "stream"];
        assert_eq!(names, BTreeSet::from(wanted));
        let mut used = BTreeSet::from(["datasource"]);
        for panel in dashboard.panels() {
            for Target { expr, .. } in &panel.targets {
                for selector in expr.split("landfall_").skip(1) {
                    let target = selector.split_once('{').map(|(_, matchers)| {
                        matchers.starts_with(r#"job=~"$job",instance=~"$instance""#)
                    });
                    assert_eq!(target, Some(true), "{}: {}", panel.title, expr);
                }
                for word in expr.split('$').skip(1) {
                    let name: String = word
                        .chars()
                        .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                        .collect();
                    let known = ["__rate_interval", "__range"].contains(&name.as_str());
                    let variable = names.get(name.as_str());
                    assert!(known || variable.is_some(), "{}: ${name}", panel.title);
                    used.extend(variable);
                }
            }
        }
        for variable in &dashboard.templating.list {
            let shown = variable.hide == 0;
            assert_eq!(
                shown,
                used.contains(variable.name),
                "{}: {}",
                dashboard.uid,
                variable.name
            );
            // Grafana escapes the values of a variable of many for a regular expression.
            let by_hand = variable.kind == "datasource";
            assert!(
                by_hand || (variable.multi && variable.include_all),
                "{}",
                variable.name
            );
        }
    }
}

#[test]
fn a_link_to_the_other_dashboard_keeps_what_is_chosen() {
    let [operators, checks] = both();
    for (dashboard, other) in [(&operators, &checks), (&checks, &operators)] {
        let url = format!("/d/{}", other.uid);
        let link = dashboard.links.iter().find(|link| link.url == url).unwrap();
        assert!(link.include_vars && link.keep_time, "{}", dashboard.uid);
    }
}

#[test]
fn a_name_has_one_colour_on_all_panels() {
    let tables: [&[Named]; 4] = [&VERDICTS, &CAUSES, &SEVERITIES, &STREAMS];
    let both = both();
    let mut coloured = 0;
    for (place, panel) in panels(&both) {
        for found in &panel.field_config.overrides {
            let named = tables.iter().flat_map(|table| table.iter());
            let colours: Vec<&str> = named
                .filter(|(name, _)| *name == found.matcher.options)
                .map(|(_, colour)| *colour)
                .collect();
            for property in &found.properties {
                let text = property.value.to_string();
                if property.id == "color" && text.contains("fixed") && !colours.is_empty() {
                    let right = colours.iter().any(|colour| text.contains(colour));
                    assert!(right, "{place}: {} is {text}", found.matcher.options);
                    coloured += 1;
                }
            }
        }
    }
    assert!(
        coloured > 30,
        "only {coloured} series have colours of their own"
    );
}

#[test]
fn the_runbook_has_what_panels_link_to() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/OPERATIONS.md");
    let page = std::fs::read_to_string(path).unwrap();
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchors: BTreeSet<String> = headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-');
            kept.collect::<String>().replace(' ', "-")
        })
        .collect();
    let both = both();
    for (place, panel) in panels(&both) {
        for link in &panel.links {
            let anchor = link.url.rsplit_once('#').map(|(_, anchor)| anchor);
            assert!(
                anchor.is_some_and(|anchor| anchors.contains(anchor)),
                "{place}: {}",
                link.url
            );
        }
    }
}

#[test]
fn the_story_is_of_panels_that_there_are() {
    let scenes = story();
    assert!((4..=6).contains(&scenes.len()));
    let [operators, _] = both();
    for scene in scenes {
        let panel = operators
            .panels()
            .find(|panel| panel.title == scene.title)
            .unwrap();
        assert_eq!(
            panel.field_config.defaults.unit, scene.unit,
            "{}",
            scene.title
        );
        for line in scene.lines {
            assert!(
                panel.targets.iter().any(|target| target.expr == line.expr),
                "{}",
                scene.title
            );
            assert!(!line.colours.is_empty(), "{}", scene.title);
        }
    }
}

#[test]
fn values_are_put_in_place_of_variables() {
    let values = Values {
        schema: r#"Edit/11|a\.b"c"#.into(),
        ..Values::default()
    };
    let queries = queries(&values);
    assert!(queries.len() > 150, "{}", queries.len());
    for query in &queries {
        assert!(
            !query.expr.contains('$'),
            "{}: {}",
            query.origin,
            query.expr
        );
    }
    let chosen = r#"schema=~"Edit/11|a\\.b\"c""#;
    assert!(queries.iter().any(|query| query.expr.contains(chosen)));
}
