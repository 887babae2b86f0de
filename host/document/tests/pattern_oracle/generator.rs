//! Random patterns and texts from a seed, with everything that Python's `re` knows, and with mistakes.

use super::chance::Chance;

/// Rarely one of the second list.
fn of(chance: &mut Chance, right: &[&'static str], wrong: &[&'static str]) -> &'static str {
    let list = if chance.one_in(60) { wrong } else { right };
    chance.pick(list)
}

const LITERALS: &[&str] = &[
    "a",
    "b",
    "A",
    "B",
    "k",
    "K",
    "s",
    "S",
    "i",
    "I",
    "0",
    "1",
    "_",
    "-",
    " ",
    "x",
    "\u{df}",
    "\u{e9}",
    "\u{c9}",
    "\u{3c3}",
    "\u{3c2}",
    "\u{3a3}",
    "\u{17f}",
    "\u{212a}",
    "\u{130}",
    "\u{131}",
    "\u{1e9e}",
    "\u{660}",
    "\u{65e5}",
    "\u{10400}",
    "\u{10428}",
    "\u{1F600}",
    "}",
    "]",
    "\u{b5}",
    "\u{3bc}",
    "/",
    "\"",
    "#",
    "&",
    "~",
    ",",
    "=",
    "!",
    ":",
    "<",
    ">",
    "\u{feff}",
    "\u{345}",
    "\u{1c80}",
    "\u{432}",
    "\u{ad}",
    "\n",
    "\u{300}",
    "{",
    "{}",
    "{a",
    "{1",
    "{,",
    "{1,b}",
    "\u{2028}",
    "\r",
    "\u{1c5}",
    "\u{1c4}",
    "\u{1c6}",
];

const ESCAPES: &[&str] = &[
    r"\d",
    r"\D",
    r"\w",
    r"\W",
    r"\s",
    r"\S",
    r"\n",
    r"\t",
    r"\r",
    r"\f",
    r"\v",
    r"\a",
    r"\.",
    r"\*",
    r"\/",
    r"\-",
    r"\_",
    r"\ ",
    r"\\",
    r"\]",
    r"\[",
    r"\{",
    r"\}",
    r"\(",
    r"\)",
    r"\x41",
    r"\x6b",
    r"\u0061",
    r"\u017f",
    r"\U0001F600",
    r"\U00010400",
    r"\0",
    r"\01",
    r"\012",
    r"\0123",
    r"\141",
    r"\377",
    r"\ud83d\ude00",
    r"\ud800",
    "\\\u{e9}",
    r"\#",
    r"\,",
    r"\&",
    r"\~",
    r"\:",
    r"\<",
    r"\>",
    r"\=",
    r"\!",
    r"\'",
    "\\\"",
    r"\%",
    r"\@",
    r"\;",
    r"\`",
    "\\\n",
    r"\b",
];

const ASSERTIONS: &[&str] = &[r"\b", r"\B", r"\A", r"\Z", "^", "$", r"\b", "$"];

const WRONG_ESCAPES: &[&str] = &[
    r"\x4",
    r"\xzz",
    r"\u00",
    r"\U00110000",
    r"\U0001",
    r"\400",
    r"\18",
    r"\8",
    r"\1",
    r"\2",
    r"\11",
    r"\z",
    r"\q",
    r"\p",
    r"\c",
    r"\e",
    r"\G",
    r"\K",
    r"\N",
    r"\A",
    r"\Z",
    r"\B",
];

const QUANTIFIERS: &[&str] = &[
    "*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "{2}", "{1,2}", "{,2}", "{1,}", "{,}",
    "{0}", "{0,0}", "{2}?", "{1,2}?", "{1,2}+", "{,2}?", "{ 1}", "{1, 2}", "{3}+", "{01,002}", "*",
    "+", "?",
];

const WRONG_QUANTIFIERS: &[&str] = &[
    "{2,1}",
    "{2}{3}",
    "**",
    "+*",
    "* ?",
    "{4294967295}",
    "{1,4294967295}",
    "{99999999999}",
    "*+?",
];

const FLAGS: &[&str] = &[
    "i", "m", "s", "x", "a", "u", "im", "is", "ix", "ai", "iu", "mi", "ims", "imsx",
];

const SCOPES: &[&str] = &[
    "i", "m", "s", "x", "a", "u", "im", "-i", "i-s", "x-i", "a-i", "ms-i", "-mis", "im-x", "u-i",
    "-x", "-s", "-m",
];

const WRONG_FLAGS: &[&str] = &[
    "au", "L", "t", "i-i", "-a", "", "i-", "-", "z", "A", "i-i", "m-", "-u",
];

/// A pattern with groups up to `deep` deep.
pub fn pattern(chance: &mut Chance) -> String {
    let mut out = String::new();
    if chance.one_in(3) {
        out.push_str(&format!("(?{})", of(chance, FLAGS, WRONG_FLAGS)));
    }
    if chance.one_in(4) {
        out.push('^');
    }
    alternatives(chance, 3, &mut out);
    if chance.one_in(4) {
        out.push('$');
    }
    out
}

fn alternatives(chance: &mut Chance, deep: usize, out: &mut String) {
    sequence(chance, deep, out);
    while chance.one_in(4) {
        out.push('|');
        sequence(chance, deep, out);
    }
}

fn sequence(chance: &mut Chance, deep: usize, out: &mut String) {
    for _ in 0..chance.below(4) {
        item(chance, deep, out);
        if chance.one_in(3) {
            out.push_str(of(chance, QUANTIFIERS, WRONG_QUANTIFIERS));
        }
    }
    if chance.one_in(8) {
        out.push_str(chance.pick(ASSERTIONS));
    }
}

fn item(chance: &mut Chance, deep: usize, out: &mut String) {
    match chance.below(if deep == 0 { 10 } else { 17 }) {
        0..=3 => out.push_str(chance.pick(LITERALS)),
        4 | 5 => out.push_str(of(chance, ESCAPES, WRONG_ESCAPES)),
        6 => out.push_str(chance.pick(&[".", ".", ".", "(?:^)", "(?:$)", r"(?:\b)"])),
        7..=9 => set(chance, out),
        10 => group(chance, deep, "(", out),
        11 => group(chance, deep, "(?:", out),
        12 => {
            let open = ["(?=", "(?!", "(?>"][chance.below(3)];
            group(chance, deep, open, out);
        }
        13 => {
            let open = format!("(?{}:", of(chance, SCOPES, WRONG_FLAGS));
            group(chance, deep, &open, out);
        }
        14 => look_behind(chance, deep, out),
        15 => {
            // A group, and what refers to it, with something between.
            group(chance, deep, "(?P<n>", out);
            sequence(chance, deep - 1, out);
            out.push_str(of(
                chance,
                &["(?P=n)", r"\1", "(?(1)a|b)", "(?(n)a)", "(?#c)"],
                &[
                    r"\2",
                    "(?P=x)",
                    r"(?#\)",
                    "(?#",
                    "(?P<1>a)",
                    "(?<n>a)",
                    "(?P",
                    "(?",
                    "(?P>a)",
                    "(?(0)a)",
                    "(?(9)a)",
                    "(?(1)a|b|c)",
                    "(?(x)a)",
                    ")",
                    "(",
                ],
            ));
        }
        _ => {
            group(chance, deep, "(", out);
            out.push_str(chance.pick(&["?", "*", "", "|b", "{0,2}"]));
            out.push_str(chance.pick(&["(?(1)", "(?(1)", "(?(2)"]));
            sequence(chance, deep - 1, out);
            if chance.one_in(2) {
                out.push('|');
                sequence(chance, deep - 1, out);
            }
            out.push(')');
        }
    }
}

/// Mostly of one length.
fn look_behind(chance: &mut Chance, deep: usize, out: &mut String) {
    out.push_str(chance.pick(&["(?<=", "(?<!"]));
    if chance.one_in(8) {
        sequence(chance, deep - 1, out);
    } else {
        for _ in 0..chance.below(3) {
            match chance.below(4) {
                0 => set(chance, out),
                1 => out.push_str(chance.pick(ESCAPES)),
                2 => out.push_str(chance.pick(ASSERTIONS)),
                _ => out.push_str(chance.pick(&[
                    "a",
                    "(?:a|b)",
                    "(?:ab|cd){2}",
                    "(a)",
                    ".",
                    "k",
                    "\n",
                ])),
            }
        }
    }
    out.push(')');
}

fn group(chance: &mut Chance, deep: usize, open: &str, out: &mut String) {
    out.push_str(open);
    alternatives(chance, deep - 1, out);
    if !chance.one_in(400) {
        out.push(')');
    }
}

fn set(chance: &mut Chance, out: &mut String) {
    out.push('[');
    if chance.one_in(3) {
        out.push('^');
    }
    if chance.one_in(8) {
        out.push_str(chance.pick(&["]", "-", "^", "[", "&&", "--", "~~", "||"]));
    }
    for _ in 0..chance.below(4) {
        let member = |chance: &mut Chance| {
            if chance.one_in(3) {
                of(chance, ESCAPES, WRONG_ESCAPES).to_owned()
            } else {
                chance.pick(LITERALS).to_owned()
            }
        };
        let first = member(chance);
        out.push_str(&first);
        if chance.one_in(3) {
            out.push('-');
            let ends = [
                "z",
                "Z",
                "9",
                "\u{24f}",
                "\u{1044f}",
                "\u{10ffff}",
                "\\d",
                "]",
                "a",
            ];
            out.push_str(ends[chance.below(ends.len())]);
        }
    }
    if !chance.one_in(400) {
        out.push(']');
    }
}

/// A text of the same letters.
pub fn text(chance: &mut Chance) -> String {
    const MORE: &[&str] = &[
        "\u{85}",
        "\u{a0}",
        "\u{1c}",
        "\t",
        "\u{b}",
        "\u{661}",
        "\u{b2}",
        "\u{216b}",
        "\u{2460}",
        "\u{200d}",
        "\u{203f}",
        "ab",
        "aa",
        "A",
        "\u{1d7d8}",
        "\u{1044e}",
        "\u{3b9}",
        "\u{1fbe}",
        "\n",
        "\n",
        "k",
        "3",
        "\u{0}",
    ];
    let mut out = String::new();
    for _ in 0..chance.below(6) {
        let list = if chance.one_in(3) { MORE } else { LITERALS };
        out.push_str(chance.pick(list));
    }
    if chance.one_in(5) {
        out.push('\n');
    }
    out
}
