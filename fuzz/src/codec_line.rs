//! The codec of EventLogging's frames, compiled for this machine. Each line of the input is a frame, and so is
//! the whole.
//!
//! A frame is decoded or refused by a reason, alike in a batch and alone. A document that JSON's reader takes
//! is an object, and what is a capsule already goes through the codec unchanged.

use eventlogging_codec::EventLoggingCodec;
use landfall_document::{Documents, Kind, Pointer, RowState};
use landfall_guest::test::CodecHarness;

type Answer = Result<String, &'static str>;

const CONFIGURATIONS: [&str; 3] = [
    r#"{"era":"2014"}"#,
    r#"{"era":"2019"}"#,
    r#"{"era":"2014","uuid_era":"2017"}"#,
];

pub fn codec_line(data: &[u8]) {
    let mut frames: Vec<&[u8]> = data.split_inclusive(|&byte| byte == b'\n').collect();
    frames.push(data);
    for configuration in CONFIGURATIONS {
        let mut codec = CodecHarness::<EventLoggingCodec>::new(configuration);
        let together = codec.decode(&frames);
        assert_eq!(together.len(), frames.len());
        for (frame, answer) in frames.iter().zip(together) {
            let alone = CodecHarness::<EventLoggingCodec>::new(configuration).decode_one(frame);
            assert_eq!(alone, answer, "alone and in a batch");
            if let Ok(document) = &answer {
                is_a_capsule(document);
                let again = codec.decode_one(document.as_bytes());
                unchanged(document, again);
            }
        }
    }
}

fn is_a_capsule(document: &str) {
    let mut documents = Documents::default();
    documents.parse(document.as_bytes(), &[document.len() as u32]);
    if let RowState::Undecodable(_) = documents.state(0) {
        // The codec looks at the top level alone.
        return;
    }
    let value = documents.value(0, &Pointer::default()).expect("a document");
    assert_eq!(value.kind(), Kind::Object, "{document}");
}

fn unchanged(document: &str, again: Answer) {
    assert_eq!(again.as_deref(), Ok(document.trim_ascii()), "a capsule");
}
