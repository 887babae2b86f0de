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

/// The uuid in the capsule of a frame.
fn uuid(config: &str, frame: &str) -> String {
    let text = Harness::new(config)
        .decode_one(frame.as_bytes())
        .unwrap_or_else(|reason| panic!("{reason}: {frame}"));
    let (_, uuid) = text.rsplit_once(r#""uuid":""#).expect("a uuid");
    uuid.trim_end_matches("\"}").to_owned()
}

#[test]
fn every_published_vector_holds_from_the_frame_on() {
    let cases = [
        (
            "2014",
            "?%7B%7D; cp3040.esams.wmnet 20380146 2015-10-21T15:48:51 1.2.3.4 UA",
            "98f80637d7385fc88468b5203417b9f1",
        ),
        (
            "2014",
            "99\tEventLogging {\"recvFrom\":\"fenari\",\"timestamp\":1358627115}\n",
            "67cc2c1afa5752ba80bbbd7c5fc41f28",
        ),
        (
            "2014",
            "?%7B%7D;\tcp3022.esams.wikimedia.org\t132073\t2013-01-19T23:16:38\t::1\tUA\n",
            "799341a01ba957c79b15dc4d2d950864",
        ),
        (
            "2019",
            "?%7B%7D;\tsrv0.example.org\t132073\t2013-01-19T23:16:38\t::1\tUA\n",
            "749684341abf513186c71f74c6a09502",
        ),
    ];
    for (era, frame, expected) in cases {
        for uuid_era in ["", r#","uuid_era":"auto""#] {
            let config = format!(r#"{{"era":"{era}"{uuid_era}}}"#);
            assert_eq!(uuid(&config, frame), expected, "{config} {frame}");
        }
    }
}

#[test]
fn the_formula_is_the_eras_whatever_times_the_json_holds() {
    const FENARI: &str = "67cc2c1afa5752ba80bbbd7c5fc41f28";
    const SRV0: &str = "749684341abf513186c71f74c6a09502";
    let fenari =
        |more: &str| format!(r#"{{"recvFrom":"fenari","seqId":99,"timestamp":1358627115{more}}}"#);
    let dt = r#","dt":"2013-01-19T20:25:15Z""#;
    let srv0 =
        |more: &str| format!(r#"132073	EventLogging {{"recvFrom":"srv0.example.org"{more}}}"#);
    let cases = [
        ("2014", fenari(""), FENARI),
        ("2014", fenari(dt), FENARI),
        (
            "2014",
            format!("?{};\th\t1\t2013-01-19T20:25:16\t::1\tUA", fenari(dt)),
            FENARI,
        ),
        ("2014", format!("7\tEventLogging {}", fenari(dt)), FENARI),
        ("2019", srv0(r#","timestamp":1358637398"#), SRV0),
        ("2019", srv0(r#","timestamp":1358637398.25"#), SRV0),
        ("2019", srv0(r#","dt":"2013-01-19T23:16:38Z""#), SRV0),
        (
            "2019",
            srv0(r#","timestamp":1,"dt":"2013-01-19T23:16:38Z""#),
            SRV0,
        ),
        (
            "2019",
            format!(
                "?{};\tsrv0.example.org\t132073\t2013-01-19T23:16:38\t::1\tUA",
                r#"{"timestamp":1}"#
            ),
            SRV0,
        ),
    ];
    for (era, frame, expected) in cases {
        let config = format!(r#"{{"era":"{era}"}}"#);
        assert_eq!(uuid(&config, &frame), expected, "{era} {frame}");
    }
    let forced = r#"{"era":"2019","uuid_era":"2014"}"#;
    assert_eq!(uuid(forced, &fenari(dt)), FENARI);
}

#[test]
fn the_key_is_found_beside_what_python_takes_and_json_does_not() {
    const FENARI: &str = r#""recvFrom":"fenari","seqId":99,"timestamp":1358627115"#;
    let capsules = [
        format!(r#"{{"\ud800":1,{FENARI}}}"#),
        format!(r#"{{{FENARI},"event":{{"\udc00":"\ud800"}},"\ud800\ud800":{{}}}}"#),
        format!(r#"{{"a":NaN,{FENARI},"b":[-Infinity,1e400],"c":1e400}}"#),
        format!(r#"{{"recvFrom":"first","timestamp":1,{FENARI},"uuid":"mine","uuid":"forged"}}"#),
        format!(r#"{{"seqId":1e400,{FENARI}}}"#),
    ];
    for capsule in &capsules {
        let line = format!("?{capsule};\th\t1\t2013-01-19T20:25:16\t::1\tUA");
        let text = Harness::new("{}").decode_one(line.as_bytes());
        let text = text.unwrap_or_else(|reason| panic!("{reason}: {line}"));
        let last = r#""uuid":"67cc2c1afa5752ba80bbbd7c5fc41f28"}"#;
        assert!(text.ends_with(last), "{text}");
        assert!(text.starts_with(capsule.trim_end_matches('}')), "{text}");
    }
}

#[test]
fn numbers_are_part_of_the_key_as_python_writes_them() {
    let of = |sequence: &str, timestamp: &str| {
        let frame =
            format!(r#"{{"recvFrom":"fenari","seqId":{sequence},"timestamp":{timestamp}}}"#);
        uuid("{}", &frame)
    };
    let expected = "67cc2c1afa5752ba80bbbd7c5fc41f28";
    assert_eq!(of("99", "1.3586271159e9"), expected, "cut, never rounded");
    assert_eq!(of("\"99\"", "\"1358627115.75\""), expected);
    assert_eq!(of("99", "1e5"), of("99", "\"100000.0\""));
    assert_eq!(of("1e2", "1"), of("\"100.0\"", "\"1\""));
    assert_eq!(of("-0", "1"), of("0", "\"1\""));
    assert_eq!(of("1", "NaN"), of("1", "\"nan\""));
}

#[test]
fn a_line_of_2019_is_taken_apart_as_the_expression_does_it() {
    let cases = [
        (" 1.2.3.4 UA\t", Ok(("1.2.3.4", "UA"))),
        (" 1.2.3.4 UA\tmore", Ok(("1.2.3.4 UA", "more"))),
        (" 1.2.3.4 My UA", Ok(("1.2.3.4 My", "UA"))),
        ("\t1.2.3.4, ::1\tMy UA\n", Ok(("1.2.3.4, ::1", "My UA\n"))),
        (" 1.2.3.4", Err("missing_user_agent")),
        ("\t1.2.3.4\t", Err("missing_user_agent")),
        ("\t", Err("missing_ip")),
    ];
    let mut harness = Harness::new(r#"{"era":"2019"}"#);
    for (rest, expected) in cases {
        let line = format!("?{{}}; h 1 2013-01-19T23:16:38{rest}");
        let decoded = harness.decode_one(line.as_bytes()).map(|text| {
            let capsule: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let text = |name: &str| capsule[name].as_str().unwrap_or_default().to_owned();
            (text("ip"), text("userAgent"))
        });
        let decoded = decoded
            .as_ref()
            .map(|(ip, agent)| (ip.as_str(), agent.as_str()));
        assert_eq!(decoded, expected.as_ref().copied(), "{rest:?}");
    }
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
