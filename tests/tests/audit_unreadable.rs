//! A file of which no line can be read is no recording: an audit and `schema validate` report that, with what
//! the file looks like and what to do, and accuse nobody. If one line can be read, it is a recording.

mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use landfall_tests::paths;
use support::{run_landfall, text};

const CONFIG: &str = "checks = []\n[event]\nkey = \"/id\"\ntime = [\"/ts\"]\n[streams.raw]\ncodec = \"json\"\n\
    [schemas]\ndir = \"schemas\"\n";

const EVENT: &[u8] = b"{\"id\": \"a\", \"ts\": 1700000000}\n";

const SCHEMA: &str = "{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}";

fn dir_with(config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("schemas")).expect("a directory");
    for (name, bytes) in [
        ("landfall.toml", config.as_bytes()),
        ("plain", EVENT),
        ("schema", SCHEMA.as_bytes()),
    ] {
        std::fs::write(dir.path().join(name), bytes).expect("written");
    }
    dir
}

fn dir() -> tempfile::TempDir {
    dir_with(CONFIG)
}

fn write(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(dir.join(name), bytes).expect("written");
}

fn audit(dir: &Path, raw: &str, written: &str) -> Output {
    run_landfall(dir, &["audit", "--raw", raw, "--written", written])
}

fn zlib(text: &[u8], level: u32) -> Vec<u8> {
    let level = flate2::Compression::new(level);
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
    zlib.write_all(text).expect("packed");
    zlib.finish().expect("packed")
}

fn wide(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

/// What a file looks like, and a part of the advice.
fn cases() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let events = EVENT.repeat(50);
    let array =
        "[\n  {\"id\": \"a\", \"ts\": 1700000000},\n  {\"id\": \"b\", \"ts\": 1700000000}\n]\n";
    let german =
        "{\"id\": \"Straße\", \"ts\": 1700000000, \"text\": \"Müller läuft über die Straße\"}\n";
    // The same in Windows-1252, and "日本語の文章です。" in Shift-JIS.
    let latin: Vec<u8> = german.chars().map(|char| char as u8).collect();
    let japanese = [
        &b"{\"id\": \"\x93\xfa\x96\x7b\x8c\xea\x82\xcc\x95\xb6\x8f\xcd\x82\xc5\x82\xb7\x81\x42"[..],
        b"\x83\x4a\x83\x5e\x83\x4a\x83\x69\x82\xe0\x82\xa0\x82\xe8\x82\xdc\x82\xb7\x81\x42\"}\n",
    ]
    .concat();
    let hebrew = "{\"שם\": \"שלום עולם\"}\n";
    let japanese_wide = "{\"名\": \"日本語のウィキ\"}\n";
    vec![
        (
            "ORC",
            b"ORC\x11\0\0\x0a\x05\x12\x03\n\x01\xff\xfe".to_vec(),
            "write its events to a file of lines first",
        ),
        (
            "PDF",
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n".to_vec(),
            "write its events to a file of lines first",
        ),
        ("zlib", zlib(&events, 3), "pigz -dc odd |"),
        ("a JSON array", array.into(), "jq -c '.[]' odd |"),
        (
            "a JSON array",
            array.replace('\n', "").into(),
            "jq -c '.[]' odd |",
        ),
        // The last member has no comma behind it, so it is a document of its own.
        (
            "a JSON array",
            b"[\n{\"id\": 1},\n{\"id\": 2},\n{\"id\": 3}\n]\n".to_vec(),
            "jq -c '.[]' odd |",
        ),
        (
            "JSON documents over several lines",
            b"{\n  \"id\": 1\n}\n".to_vec(),
            "jq -c . odd |",
        ),
        (
            "text whose lines end with a carriage return alone",
            b"{\"id\": 1}\r{\"id\": 2}\r".to_vec(),
            "perl -l -015 -pe 1 odd |",
        ),
        ("nothing but NUL bytes", vec![0; 5000], "write its events"),
        (
            "text whose lines end with NUL bytes",
            b"{\"id\": 1}\0{\"id\": 2}\0".to_vec(),
            "perl -l -0 -pe 1 odd |",
        ),
        (
            "a JSON text sequence",
            b"\x1e{\"id\": 1}\n\x1e{\"id\": 2}\n".to_vec(),
            "perl -pe '$c = chr 30; s/$c//g' odd |",
        ),
        (
            "text in UTF-16LE",
            wide(hebrew, u16::to_le_bytes),
            "iconv -f UTF-16LE -t UTF-8 odd |",
        ),
        (
            "text in UTF-16BE",
            wide(japanese_wide, u16::to_be_bytes),
            "iconv -f UTF-16BE -t UTF-8 odd |",
        ),
        (
            "text in windows-1252",
            latin,
            "iconv -f windows-1252 -t UTF-8 odd |",
        ),
        (
            "text in Shift_JIS",
            japanese,
            "iconv -f Shift_JIS -t UTF-8 odd |",
        ),
        (
            "XML or HTML",
            b"<?xml version=\"1.0\"?>\n<a/>\n".to_vec(),
            "write its events",
        ),
        (
            "binary data",
            b"\x07\x91\x00\xfe\xff\x01\n\x02\x03\x80\x0a".to_vec(),
            "write its events",
        ),
    ]
}

#[test]
fn a_file_of_which_no_line_can_be_read_is_an_error_with_what_it_looks_like_and_what_to_do() {
    let dir = dir();
    for (looks, bytes, advice) in cases() {
        write(dir.path(), "odd", &bytes);
        for (raw, written, stream) in [("odd", "plain", "raw"), ("plain", "odd", "written")] {
            let output = audit(dir.path(), raw, written);
            let told = text(&output);
            // ASCII text in two bytes a character with a mark is reported when the file is opened.
            assert_eq!(output.status.code(), Some(2), "{looks}: {told}");
            assert!(output.stdout.is_empty(), "nobody is accused: {told}");
            assert!(
                told.contains("no line of odd could be read: codec json "),
                "{told}"
            );
            assert!(told.contains(&format!("it looks like {looks}")), "{told}");
            assert!(told.contains(advice), "{advice}: {told}");
            assert!(told.contains("; the first line: \""), "{told}");
            if advice.ends_with('|') {
                assert!(
                    told.contains(&format!("| landfall audit --{stream} -")),
                    "{told}"
                );
            }
        }
        // An array on one line is a document.
        if looks == "a JSON array" && !bytes.contains(&b'\n') {
            continue;
        }
        let validate = ["schema", "validate", "--schema", "schema", "odd"];
        let output = run_landfall(dir.path(), &validate);
        let told = text(&output);
        assert_eq!(output.status.code(), Some(2), "{looks}: {told}");
        assert!(told.contains("no line of odd could be read: "), "{told}");
        assert!(told.contains(&format!("it looks like {looks}")), "{told}");
        assert!(told.contains(advice), "{advice}: {told}");
    }
}

#[test]
fn what_the_message_advises_makes_a_recording_of_it() {
    let dir = dir();
    let event = "{\"名\": 1, \"id\": \"a\", \"ts\": 1700000000}\n";
    for (name, bytes) in [
        ("it's", event.replace('\n', "\r").repeat(3).into_bytes()),
        ("in NUL", event.replace('\n', "\0").repeat(3).into_bytes()),
        ("sequence", format!("\x1e{event}").into_bytes()),
        ("wide", wide(event, u16::to_le_bytes)),
    ] {
        write(dir.path(), name, &bytes);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(&bytes).expect("packed");
        let packed_name = format!("{name}.gz");
        write(dir.path(), &packed_name, packed.finish().expect("packed"));
        for name in [name, &packed_name] {
            let told = text(&audit(dir.path(), name, "plain"));
            let advised = told.split("on the way: ").nth(1).expect("advice");
            let advised = advised.split("; the first line").next().expect("a command");
            let (filter, command) = advised.rsplit_once("| landfall").expect("a command");
            let output = Command::new("sh")
                .current_dir(dir.path())
                .arg("-c")
                .arg(format!("{filter} | \"$0\"{command} --written plain"))
                .arg(paths::landfall())
                .output()
                .expect("sh runs");
            let told = text(&output);
            assert_eq!(output.status.code(), Some(0), "{advised}: {told}");
        }
    }
}

#[test]
fn one_line_that_can_be_read_makes_it_a_recording_with_findings() {
    let dir = dir();
    for garbage in [&b"\xc3\x28\xfd\n"[..], b"[\n", b"\0\0\0\n", b"x^2 + y\n"] {
        write(dir.path(), "odd", [garbage, garbage, EVENT].concat());
        let output = audit(dir.path(), "odd", "plain");
        let told = text(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("2 undecodable"), "{told}");
    }
    // Nothing but line ends is a file without events.
    write(dir.path(), "blank", "\n\n \r\n");
    let output = audit(dir.path(), "blank", "plain");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
}

#[test]
fn a_single_line_that_cannot_be_read_is_no_recording_either() {
    let dir = dir();
    for (line, reason, hint) in [
        (
            &b"x^2 + y"[..],
            "syntax 1",
            "is streams.raw.codec (--raw-codec) the codec of such lines?",
        ),
        (b"{\"id\": 1", "syntax 1", "(--raw-codec)"),
    ] {
        write(dir.path(), "odd", line);
        let output = audit(dir.path(), "odd", "plain");
        let told = text(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        let found = format!("codec json does not read the only one ({reason})");
        assert!(told.contains(&found) && told.contains(hint), "{told}");
        assert!(!told.contains("it looks like"), "{told}");
    }
    let hostile = b"\x1b[2J\xe2\x80\xae forged\r";
    write(dir.path(), "odd", hostile.repeat(100));
    let told = text(&audit(dir.path(), "odd", "plain"));
    assert!(
        told.contains("the first line: \"\\u{1b}[2J\\u{202e} forged\\r"),
        "{told}"
    );
    assert!(!told.contains('\x1b') && told.len() < 1000, "{told}");
}

#[test]
fn a_codec_that_refuses_every_line_on_purpose_is_named_with_its_reason() {
    let codec = "[[checks]]\nname = \"tongue\"\npath = \"hostile_codec.wasm\"\nstreams = [\"raw\"]\nconfig = ";
    for (config, reason) in [
        (
            "{ do = \"say\", marker = \"id\", text = \"no\" }",
            "refused",
        ),
        ("{ do = \"trap\", marker = \"id\" }", "fault_trap"),
    ] {
        let text_of = CONFIG
            .replace("checks = []\n", "")
            .replace("codec = \"json\"", "codec = \"tongue\"");
        let guests = format!("[guests]\ndir = \"{}\"\n", paths::guests().display());
        let dir = dir_with(&format!("{text_of}{guests}{codec}{config}\n"));
        write(dir.path(), "raw", EVENT.repeat(3));
        let output = audit(dir.path(), "raw", "plain");
        let told = text(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        let found = "no line of raw could be read: codec tongue reads none of 3 (";
        assert!(told.contains(found) && told.contains(reason), "{told}");
    }
}

#[test]
fn lines_that_are_all_too_long_and_frames_with_lengths_are_reported_as_well() {
    let config = CONFIG.replace(
        "codec = \"json\"\n",
        "codec = \"json\"\nframe_bytes_max = \"1KiB\"\n",
    );
    let dir = dir_with(&config);
    let array = format!("[{}]", vec!["{\"id\": 1}"; 1000].join(","));
    write(dir.path(), "odd", array);
    let output = audit(dir.path(), "odd", "plain");
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("does not read the only one (longer than 1024 bytes 1)"),
        "{told}"
    );
    assert!(told.contains("it looks like a JSON array"), "{told}");

    write(dir.path(), "frames", b"\x8cLF1\x03\0\0\0xyz\x01\0\0\0!");
    let output = audit(dir.path(), "frames", "plain");
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    let found = "no frame of frames could be read: codec json reads none of 2 (syntax 2)";
    assert!(
        told.contains(found) && told.contains("the first frame: \"xyz"),
        "{told}"
    );
}
