//! Each kind of check in its harness: what an author's test can rely on.

use landfall_guest::schemas::{Request, Validity, explain};
use landfall_guest::test::{
    CodecHarness, EventHarness, Parity, ParityHarness, WindowHarness, empty_tally,
};
use landfall_guest::{
    Codec, Difference, EventCheck, Finding, Malformed, Member, MemberKind, ParityCheck, Reason,
    Row, Rows, Severity, Side, Tally, Unprojectable, Verdict, Verdicts, WindowCheck, WindowReason,
};

#[derive(serde::Deserialize)]
struct Nothing {}

/// Odd numbers are bad; a text is an error; negative numbers are logged.
struct Odd;

impl EventCheck for Odd {
    const NAME: &'static str = "odd";
    const VERSION: &'static str = "1.0.0";
    const REASONS: &'static [Reason] = &[Reason::violation("odd", "an odd number")];
    type Config = Nothing;

    fn new(_: Nothing) -> Result<Self, String> {
        Ok(Self)
    }

    fn columns(&self) -> Vec<String> {
        vec!["/n".into()]
    }

    fn judge(&mut self, row: &Row<'_>) -> Result<Verdict, String> {
        if row.str(0).is_some() {
            return Err("a text".into());
        }
        let number = row.i64(0).unwrap_or_default();
        if number < 0 {
            landfall_guest::warn!("row {} of {:?} is {number}", row.index(), row.side());
        }
        Ok(match number % 2 {
            0 => Verdict::Pass,
            _ => Verdict::Fail("odd", format!("{number} is odd")),
        })
    }
}

/// Texts of many bytes are bad, whatever they are called.
struct Long;

impl EventCheck for Long {
    const NAME: &'static str = "long";
    const VERSION: &'static str = "1.0.0";
    const REASONS: &'static [Reason] = &[Reason::violation("long", "a long text")];
    type Config = Nothing;

    fn new(_: Nothing) -> Result<Self, String> {
        Ok(Self)
    }

    fn columns(&self) -> Vec<String> {
        vec!["members:/event".into()]
    }

    fn judge(&mut self, row: &Row<'_>) -> Result<Verdict, String> {
        let long =
            |member: Member<'_>| member.kind == MemberKind::String && member.value().len() > 3;
        let found = row
            .member("members:/event")
            .is_some_and(|event| event.members().any(long));
        Ok(Verdict::fail_if(found, "long"))
    }
}

#[test]
fn a_check_goes_through_all_members_of_an_object() {
    let mut harness = EventHarness::<Long>::new("{}");
    let documents = [
        r#"{"event":{"a":"four","b":1}}"#,
        r#"{"event":{"b":["four"],"c":{"d":"four"},"n":12345}}"#,
        r#"{"event":"four"}"#,
        r#"{"other":{"a":"four"}}"#,
        r#"{"event":{"\"":"\n\n\n","z":"\u00e9\u00e9"}}"#,
    ];
    assert_eq!(
        harness.reasons(&documents),
        ["long", "pass", "pass", "pass", "long"]
    );
}

#[test]
fn an_event_check_judges_row_by_row() {
    let mut harness = EventHarness::<Odd>::new("{}");
    let documents = [r#"{"n":2}"#, r#"{"n":-3}"#, "{}"];
    assert_eq!(harness.reasons(&documents), ["pass", "odd", "pass"]);
    let judged = harness.judge(&documents);
    assert_eq!(judged[1].details, ["-3 is odd"]);
    assert!(judged[0].details.is_empty());
    assert_eq!(harness.log()[0], "Level::Warn: row 1 of Raw is -3");
    let failed = harness.try_judge("written", &[r#"{"n":"x"}"#]);
    assert_eq!(failed, Err("a text".into()));
    let foreign = harness.try_judge("elsewhere", &["{}"]);
    assert!(foreign.is_err_and(|error| error.contains("`elsewhere`")));
}

#[test]
fn a_member_that_the_configuration_does_not_know_is_refused() {
    assert_eq!(
        EventHarness::<Odd>::refusal(r#"{"even":true}"#),
        "unknown field `even`: remove it, or correct its name"
    );
}

/// Asks the host for one schema, for each row that has the column.
#[derive(Default)]
struct BySchema(Request);

impl EventCheck for BySchema {
    const NAME: &'static str = "by-schema";
    const VERSION: &'static str = "1.0.0";
    const REASONS: &'static [Reason] = &[
        Reason::violation("invalid", "the schema does not hold"),
        Reason::unjudged("unknown", "no schema, or nothing to validate"),
    ];
    type Config = Nothing;

    fn new(_: Nothing) -> Result<Self, String> {
        Ok(Self::default())
    }

    fn columns(&self) -> Vec<String> {
        vec!["/schema".into()]
    }

    fn check(&mut self, rows: &Rows<'_>, verdicts: &mut Verdicts) -> Result<(), String> {
        self.0.clear();
        for row in rows.iter() {
            if let Some(name) = row.str(0) {
                let schema = self.0.schema(name);
                self.0.push(row.index(), schema);
            }
        }
        for (row, schema, answer) in self.0.validate("/event")? {
            match answer {
                Validity::Valid => {}
                Validity::Invalid => {
                    verdicts.fail(row, "invalid")?;
                    verdicts.detail(row, explain("/event", row, self.0.name(schema)));
                }
                Validity::NoSchema | Validity::NoValue => verdicts.fail(row, "unknown")?,
            }
        }
        Ok(())
    }
}

#[test]
fn validations_are_answered_row_by_row_in_the_order_of_the_pushes() {
    let mut harness = EventHarness::<BySchema>::new("{}").schemas(|at, value, name| {
        assert_eq!(at, "/event");
        match name {
            "Number/1" if value.is_number() => Validity::Valid,
            "Number/1" => Validity::Invalid,
            _ => Validity::NoSchema,
        }
    });
    let documents = [
        r#"{"schema":"Number/1","event":1}"#,
        r#"{"schema":"Number/2","event":1}"#,
        r#"{"event":"x"}"#,
        r#"{"schema":"Number/1","event":"x"}"#,
        r#"{"schema":"Number/1"}"#,
    ];
    assert_eq!(
        harness.reasons(&documents),
        ["pass", "unknown", "pass", "invalid", "unknown"]
    );
    let judged = harness.judge(&documents);
    assert_eq!(judged[3].details, ["Invalid at `/event` by Number/1"]);
    assert_eq!(harness.reasons(&["{}"]), ["pass"], "nothing is asked");
}

/// The length of a frame; `no` is malformed, with a detail.
struct Length;

impl Codec for Length {
    const NAME: &'static str = "length";
    const VERSION: &'static str = "1.0.0";
    const REASONS: &'static [Reason] = &[
        Reason::violation("empty", "nothing"),
        Reason::violation("refused", "says no"),
    ];
    type Config = Nothing;

    fn new(_: Nothing) -> Result<Self, String> {
        landfall_guest::info!("ready");
        Ok(Self)
    }

    fn decode(&mut self, frame: &[u8], document: &mut Vec<u8>) -> Result<(), Malformed> {
        document.extend_from_slice(frame.len().to_string().as_bytes());
        match frame {
            b"" => Err("empty".into()),
            b"no" => {
                landfall_guest::debug!("the frame is no");
                Err(Malformed {
                    reason: "refused",
                    detail: "x".repeat(2000),
                })
            }
            _ => Ok(()),
        }
    }
}

#[test]
fn a_codec_gives_a_document_or_a_reason_with_its_detail() {
    let mut harness = CodecHarness::<Length>::new("{}");
    let decoded = harness.decode(&[b"abc", b"", b"no", b"\xff"]);
    assert_eq!(
        decoded,
        [Ok("3".into()), Err("empty"), Err("refused"), Ok("1".into())]
    );
    assert_eq!(harness.details().len(), 1, "an empty detail is none");
    assert_eq!(harness.details()[0].0, 2);
    assert!(
        harness
            .log()
            .iter()
            .any(|line| line.contains("the frame is no"))
    );
    harness.decode(&[b"abc"]);
    assert!(harness.details().is_empty(), "those of the last batch");
}

#[test]
fn a_batch_of_malformed_frames_has_bounded_details() {
    let mut harness = CodecHarness::<Length>::new("{}");
    let decoded = harness.decode(&[&b"no"[..]; 1000]);
    assert!(decoded.iter().all(|one| *one == Err("refused")));
    assert_eq!(harness.details().len(), 64);
    assert!(harness.details().iter().all(|(_, text)| text.len() == 1024));
}

/// Compares one number; a document without it has no normal form.
struct Number;

impl ParityCheck for Number {
    const NAME: &'static str = "number";
    const VERSION: &'static str = "1.0.0";
    type Config = Nothing;

    fn new(_: Nothing) -> Result<Self, String> {
        Ok(Self)
    }

    fn columns(&self, side: Side) -> Vec<String> {
        match side {
            Side::Raw => vec!["/event/n".into()],
            Side::Written => vec!["/n".into()],
        }
    }

    fn project(&mut self, row: &Row<'_>, form: &mut Vec<u8>) -> Result<(), Unprojectable> {
        form.extend_from_slice(row.text(0).as_bytes());
        match row.is_absent(0) {
            true => Err(Unprojectable("no number".into())),
            false => Ok(()),
        }
    }

    fn explain(&mut self, raw: &[u8], written: &[u8]) -> Vec<Difference> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        vec![Difference {
            field: "n".into(),
            raw: text(raw),
            written: text(written),
        }]
    }
}

#[test]
fn a_parity_check_sees_each_side_by_its_own_columns() {
    let mut harness = ParityHarness::<Number>::new("{}");
    let raw = r#"{"event":{"n":1},"n":2}"#;
    assert!(matches!(
        harness.compare(raw, r#"{"n":1}"#),
        Parity::Unchanged
    ));
    assert_eq!(harness.altered(raw, r#"{"n":1.0}"#), ["n"]);
    assert!(matches!(harness.compare(raw, "{}"), Parity::Unprojectable));
    assert_eq!(
        harness.log(),
        ["Level::Debug: row 0 has no normal form: no number"]
    );
}

/// Finds every window with a loss.
struct NoLoss;

impl WindowCheck for NoLoss {
    const NAME: &'static str = "no-loss";
    const VERSION: &'static str = "1.0.0";
    const REASONS: &'static [WindowReason] = &[WindowReason {
        id: "loss",
        help: "events are missing",
    }];
    type Config = Nothing;

    fn new(_: Nothing) -> Result<Self, String> {
        Ok(Self)
    }

    fn judge(&mut self, tally: &Tally) -> Result<Option<Finding>, String> {
        landfall_guest::error!("{}", tally.schema);
        Ok((tally.missing > 0).then(|| Finding {
            reason: "loss",
            severity: Severity::Warning,
            text: format!("{} missing", tally.missing),
        }))
    }
}

#[test]
fn a_window_check_names_the_tally_that_it_means() {
    let mut harness = WindowHarness::<NoLoss>::new("{}");
    let tally = |schema: &str, missing| Tally {
        missing,
        ..empty_tally(schema)
    };
    let found = harness.judge_all(&[tally("A/1", 0), tally("B/1", 2), tally("C/1", 3)]);
    let listed: Vec<(usize, &str)> = found
        .iter()
        .map(|(place, finding)| (*place, finding.text.as_str()))
        .collect();
    assert_eq!(listed, [(1, "2 missing"), (2, "3 missing")]);
    assert_eq!(harness.judge(tally("A/1", 0)), None);
    assert_eq!(harness.log()[1], "Level::Error: B/1");
}
