//! Frames in, capsules or reasons out.

use eventlogging_codec::EventLoggingCodec;
use landfall_guest::test::CodecHarness;

type Harness = CodecHarness<EventLoggingCodec>;

const CLIENT: &str = concat!(
    "?%7B%22wiki%22%3A%22testwiki%22%2C%22schema%22%3A%22Generic%22%2C%22revision%22%3A13%2C",
    "%22event%22%3A%7B%22title%22%3A%22H%C3%A9ctor+Rivi%C3%A8re%22%7D%7D; ",
    "cp3022.esams.wikimedia.org 132073 2013-01-19T23:16:38 86.149.229.149 ",
    "Mozilla/5.0 (X11; Linux x86_64)",
);
const CLIENT_JSON: &str = concat!(
    r#"{"wiki":"testwiki","schema":"Generic","revision":13,"#,
    r#""event":{"title":"Héctor Rivière"}"#,
);

#[test]
fn a_client_side_line_of_2014_becomes_a_capsule() {
    let expected = format!(
        "{CLIENT_JSON}{}",
        concat!(
            r#","recvFrom":"cp3022.esams.wikimedia.org","seqId":132073,"timestamp":1358637398,"#,
            r#""clientIp":"86.149.229.149","userAgent":"Mozilla/5.0 (X11; Linux x86_64)","#,
            r#""uuid":"799341a01ba957c79b15dc4d2d950864"}"#,
        )
    );
    let mut harness = Harness::new("{}");
    assert_eq!(harness.decode_one(CLIENT.as_bytes()), Ok(expected.clone()));
    let tabs = CLIENT
        .replacen("; ", ";\t", 1)
        .replacen(" 132073 ", "\t 132073\t\t", 1);
    assert_eq!(harness.decode_one(tabs.as_bytes()), Ok(expected));
}

#[test]
fn a_client_side_line_of_2019_has_dt_and_ip() {
    let line = "?%7B%22a%22%3A1%7D;\tsrv0.example.org\t132073\t2013-01-19T23:16:38\t10.0.0.1, 10.0.0.2\tUA 1\n";
    let expected = concat!(
        r#"{"a":1,"recvFrom":"srv0.example.org","seqId":132073,"dt":"2013-01-19T23:16:38Z","#,
        r#""ip":"10.0.0.1, 10.0.0.2","userAgent":"UA 1\n","uuid":"749684341abf513186c71f74c6a09502"}"#,
    );
    let mut harness = Harness::new(r#"{"era":"2019"}"#);
    assert_eq!(harness.decode_one(line.as_bytes()).as_deref(), Ok(expected));
}

#[test]
fn a_server_side_line_has_its_own_host_and_time() {
    let json = r#"{"recvFrom":"fenari","timestamp":1358627115,"event":{}"#;
    let expected = format!(r#"{json},"seqId":99,"uuid":"67cc2c1afa5752ba80bbbd7c5fc41f28"}}"#);
    let mut harness = Harness::new("{}");
    for line in [
        format!("99\tEventLogging {json}}}\n"),
        format!("99\tEventLogging {json}}}"),
        format!("0099 EventLogging\t{json}}}\r\n"),
    ] {
        assert_eq!(
            harness.decode_one(line.as_bytes()).as_deref(),
            Ok(expected.as_str()),
            "{line}"
        );
    }
}

#[test]
fn a_capsule_keeps_its_uuid_and_gets_one_if_it_says_enough() {
    let cases = [
        (
            r#"{"uuid":"mine","recvFrom":"fenari"}"#,
            r#"{"uuid":"mine","recvFrom":"fenari"}"#,
        ),
        (
            r#" {"recvFrom":"fenari","seqId":99,"timestamp":1358627115} "#,
            r#"{"recvFrom":"fenari","seqId":99,"timestamp":1358627115,"uuid":"67cc2c1afa5752ba80bbbd7c5fc41f28"}"#,
        ),
        (r#"{"recvFrom":"fenari"}"#, r#"{"recvFrom":"fenari"}"#),
        ("{}\n", "{}"),
    ];
    let mut harness = Harness::new("{}");
    for (frame, expected) in cases {
        assert_eq!(
            harness.decode_one(frame.as_bytes()).as_deref(),
            Ok(expected),
            "{frame}"
        );
    }
}

#[test]
fn values_in_the_json_win_over_those_of_the_line() {
    let line = concat!(
        r#"?{"recvFrom":"fenari","seqId":99,"timestamp":1358627115,"userAgent":null,"clientIp":"x"};"#,
        " cp1 7 2013-01-19T23:16:38 1.2.3.4 UA",
    );
    let expected = concat!(
        r#"{"recvFrom":"fenari","seqId":99,"timestamp":1358627115,"userAgent":null,"clientIp":"x","#,
        r#""uuid":"67cc2c1afa5752ba80bbbd7c5fc41f28"}"#,
    );
    assert_eq!(
        Harness::new("{}").decode_one(line.as_bytes()).as_deref(),
        Ok(expected)
    );
}

#[test]
fn a_uuid_that_a_client_claims_is_overruled() {
    let line = r#"?{"uuid":"forged"}; fenari 99 2013-01-19T20:25:15 1.2.3.4 UA"#;
    let text = Harness::new("{}")
        .decode_one(line.as_bytes())
        .expect("a capsule");
    let capsule: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(capsule["uuid"], "67cc2c1afa5752ba80bbbd7c5fc41f28");
}

#[test]
fn an_empty_object_becomes_a_capsule() {
    let line = "?{}; h 0 1970-01-01T00:00:01 ::1 \"U\\A\"\n";
    let text = Harness::new("{}")
        .decode_one(line.as_bytes())
        .expect("a capsule");
    let capsule: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(capsule["seqId"], 0);
    assert_eq!(capsule["timestamp"], 1);
    assert_eq!(capsule["userAgent"], "\"U\\A\"\n");
}

#[test]
fn the_key_does_not_depend_on_the_newline() {
    let mut harness = Harness::new("{}");
    let uuid = |text: String| text[text.find("\"uuid\"").expect("a uuid")..].to_owned();
    let bare = harness.decode_one(CLIENT.as_bytes()).expect("a capsule");
    let ended = harness
        .decode_one(format!("{CLIENT}\n").as_bytes())
        .expect("a capsule");
    assert_ne!(bare, ended, "a bare user agent keeps the newline");
    assert_eq!(uuid(bare), uuid(ended));
}

#[test]
fn every_malformed_frame_gets_its_reason() {
    let line = |query: &str, rest: &str| format!("{query} {rest}");
    let rest = "h 1 2013-01-19T23:16:38 1.2.3.4 UA";
    let cases = [
        (String::new(), "empty"),
        (" \r\n\t".into(), "empty"),
        ("hello".into(), "unknown_form"),
        (
            " ?{}; h 1 2013-01-19T23:16:38 1.2.3.4 UA".into(),
            "unknown_form",
        ),
        ("[1]".into(), "unknown_form"),
        ("12 EventLogger {}".into(), "unknown_form"),
        ("12EventLogging {}".into(), "unknown_form"),
        ("12".into(), "unknown_form"),
        ("?".into(), "no_json"),
        (line("?;", rest), "no_json"),
        ("12 EventLogging ".into(), "no_json"),
        (line("?%ff", rest), "not_utf8"),
        (line("?{\"a\":1;", rest), "not_json"),
        (line("?%7B%22a%22%3A%22trunc", rest), "not_json"),
        (line("?x;", rest), "not_json"),
        ("{\"a\":".into(), "not_json"),
        ("{} {}".into(), "not_json"),
        (line("?[1];", rest), "not_an_object"),
        (line("?null", rest), "not_an_object"),
        ("12 EventLogging \"x\"".into(), "not_an_object"),
        ("?{};".into(), "missing_host"),
        ("?{}; \n".into(), "missing_host"),
        ("1 EventLogging {\"timestamp\":1}".into(), "missing_host"),
        (line("?{\"recvFrom\":3}", rest), "missing_host"),
        ("?{}; h".into(), "missing_sequence"),
        (
            "?{}; h -1 2013-01-19T23:16:38 1.2.3.4 UA".into(),
            "bad_sequence",
        ),
        (
            "?{}; h - 2013-01-19T23:16:38 1.2.3.4 UA".into(),
            "bad_sequence",
        ),
        (line("?{\"seqId\":[]}", rest), "bad_sequence"),
        ("?{}; h 1".into(), "missing_time"),
        ("1 EventLogging {\"recvFrom\":\"h\"}".into(), "missing_time"),
        ("?{}; h 1 2013-02-30T23:16:38 1.2.3.4 UA".into(), "bad_time"),
        (
            "?{}; h 1 2013-01-19T23:16:38Z 1.2.3.4 UA".into(),
            "bad_time",
        ),
        ("?{}; h 1 yesterday 1.2.3.4 UA".into(), "bad_time"),
        ("?{}; h 1 2013-01-19T23:16:38".into(), "missing_ip"),
        (
            "?{}; h 1 2013-01-19T23:16:38 1.2.3.4".into(),
            "missing_user_agent",
        ),
        (
            "?{}; h 1 2013-01-19T23:16:38 1.2.3.4\n".into(),
            "missing_user_agent",
        ),
    ];
    let mut harness = Harness::new("{}");
    for (frame, expected) in &cases {
        assert_eq!(
            harness.decode_one(frame.as_bytes()),
            Err(*expected),
            "{frame:?}"
        );
    }
    assert_eq!(harness.decode_one(b"{\"a\":\"\xff\"}"), Err("not_utf8"));
    for reason in <EventLoggingCodec as landfall_guest::Codec>::REASONS {
        let tried = cases.iter().any(|(_, expected)| *expected == reason.id);
        assert!(tried, "no frame here has the reason {}", reason.id);
    }
}

#[test]
fn one_malformed_frame_leaves_the_others_whole() {
    let decoded = Harness::new("{}").decode(&[b"{\"a\":1}", b"?{\"a\":", b"", b"{\"b\":2}"]);
    let expected = [
        Ok("{\"a\":1}".into()),
        Err("missing_host"),
        Err("empty"),
        Ok("{\"b\":2}".into()),
    ];
    assert_eq!(decoded, expected);
}

#[test]
fn an_unknown_era_is_refused_by_name() {
    assert_eq!(
        Harness::refusal(r#"{"era":"2012"}"#),
        "`era`: unknown variant `2012`, expected `2014` or `2019` at line 1 column 13"
    );
}
