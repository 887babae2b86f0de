//! The runbook has a section for each alert, at the anchor that the alert links to.

use std::path::Path;

use landfall_ops::Parameters;
use landfall_ops::prometheus::{Alert, groups};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/OPERATIONS.md");
    std::fs::read_to_string(path).unwrap()
}

fn alerts() -> Vec<Alert> {
    groups(&Parameters::default())
        .into_iter()
        .flat_map(|group| group.alerts)
        .collect()
}

/// As GitHub makes an anchor of a heading.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || "- _".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Headings with what stands below each.
fn sections(page: &str) -> Vec<(&str, &str)> {
    page.split("\n#")
        .skip(1)
        .filter_map(|part| part.trim_start_matches('#').split_once('\n'))
        .map(|(heading, text)| (heading.trim(), text))
        .collect()
}

#[test]
fn each_alert_has_a_section_that_says_what_it_means_what_to_do_and_when_it_is_wrong() {
    let page = page();
    let sections = sections(&page);
    for alert in alerts() {
        let own: Vec<&str> = sections
            .iter()
            .filter(|(heading, _)| anchor(heading) == alert.anchor())
            .map(|(_, text)| *text)
            .collect();
        let [text] = own[..] else {
            panic!("{} has {} sections", alert.name, own.len());
        };
        let severity = match alert.severity.as_str() {
            "page" => "Page. ",
            _ => "Ticket. ",
        };
        for part in [severity, "\n\nDo: ", "\n\nWrong when: "] {
            assert!(text.contains(part), "{}: no {part:?} in {text}", alert.name);
        }
    }
}

#[test]
fn each_section_about_an_alert_is_about_one_that_there_is() {
    let alerts = alerts();
    let page = page();
    for (heading, text) in sections(&page) {
        let is_of_alert = text.contains("\n\nWrong when: ");
        let is_there = alerts.iter().any(|alert| alert.name == heading);
        assert_eq!(is_of_alert, is_there, "{heading}");
    }
}

#[test]
fn each_link_of_the_page_to_itself_leads_somewhere() {
    let page = page();
    let anchors: Vec<String> = sections(&page)
        .iter()
        .map(|(heading, _)| anchor(heading))
        .collect();
    for link in page.split("](#").skip(1) {
        let link = link.split(')').next().unwrap_or_default();
        assert!(anchors.iter().any(|anchor| anchor == link), "#{link}");
    }
}
