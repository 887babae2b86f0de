//! Properties of every frame and every event.

use eventlogging_codec::EventLoggingCodec;
use landfall_guest::test::CodecHarness;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Encodes as the beacon does: every byte that is not unreserved, and a space as a plus.
fn query(json: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        b' ' => "+".into(),
        other => format!("%{other:02X}"),
    };
    format!("?{};", json.bytes().map(encode).collect::<String>())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_event() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec(("[a-z{}\\[\\]\"\\\\: ]{0,6}|event|wiki", any_json()), 0..5)
        .prop_map(|members| members.into_iter().collect())
}

fn parse(document: &str) -> Map<String, Value> {
    serde_json::from_str(document).unwrap_or_else(|error| panic!("{error}: {document}"))
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(frame in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = CodecHarness::<EventLoggingCodec>::new("{}").decode_one(&frame);
    }

    #[test]
    fn anything_that_looks_like_a_line_is_decoded_or_refused(
        frame in r#"[?0-9{]([%{}\[\]"\\:,;+ \t\nhé0-9]|EventLogging|%7B|%22|2013-01-19T23:16:38){0,40}"#,
        era in prop::sample::select(vec!["2014", "2019"]),
    ) {
        let mut harness = CodecHarness::<EventLoggingCodec>::new(&format!("{{\"era\":\"{era}\"}}"));
        let _ = harness.decode_one(frame.as_bytes());
    }

    #[test]
    fn an_event_comes_out_of_its_client_side_line_as_it_went_in(
        event in any_event(),
        host in "[a-z0-9.]{1,12}",
        sequence in any::<u32>(),
        agent in "[^\t\\s][^\t]{0,20}",
    ) {
        let json = Value::Object(event.clone()).to_string();
        let line = format!("{} {host}\t{sequence} 2014-11-18T02:12:00\t10.1.2.3 {agent}", query(&json));
        let decoded = CodecHarness::<EventLoggingCodec>::new("{}").decode_one(line.as_bytes());
        let mut capsule = parse(&decoded.expect("a capsule"));
        let uuid = capsule.remove("uuid").expect("a uuid");
        prop_assert_eq!(uuid.as_str().map(str::len), Some(32));
        for (name, value) in [
            ("recvFrom", Value::from(host)),
            ("seqId", Value::from(sequence)),
            ("timestamp", Value::from(1_416_276_720)),
            ("clientIp", Value::from("10.1.2.3")),
            ("userAgent", Value::from(agent)),
        ] {
            prop_assert_eq!(capsule.remove(name), Some(value));
        }
        prop_assert_eq!(capsule, event);
    }

    #[test]
    fn an_event_comes_out_of_its_server_side_line_as_it_went_in(
        event in any_event(),
        sequence in any::<u64>(),
    ) {
        let mut sent = event.clone();
        sent.insert("recvFrom".into(), "mw1".into());
        sent.insert("timestamp".into(), 1_416_276_720.into());
        let line = format!("{sequence}\tEventLogging {}\n", Value::Object(sent.clone()));
        let decoded = CodecHarness::<EventLoggingCodec>::new("{}").decode_one(line.as_bytes());
        let mut capsule = parse(&decoded.expect("a capsule"));
        prop_assert!(capsule.remove("uuid").is_some());
        prop_assert_eq!(capsule.remove("seqId"), Some(Value::from(sequence)));
        prop_assert_eq!(capsule, sent);
    }
}
