//! One colour for each verdict, cause and severity, on every panel.
//!
//! The verdicts have the palette of Okabe and Ito, whose colours people with any of the usual kinds of colour blindness
//! can distinguish, with a grey for `unconfirmed`, which is never given, and a violet for `unjudged`. A cause of an
//! incident has the colour of the verdict that it is about. A test checks that any two colours of a table are far
//! enough apart, as seen with each kind of colour blindness.

/// A name, and its colour.
pub type Named = (&'static str, &'static str);

const GREEN: &str = "#009E73";
const YELLOW: &str = "#F0E442";
const PURPLE: &str = "#CC79A7";
const VERMILLION: &str = "#D55E00";
const GREY: &str = "#D9D9D9";
const SKY: &str = "#56B4E9";
const ORANGE: &str = "#E69F00";
const BLUE: &str = "#0072B2";
const VIOLET: &str = "#8822EE";

/// Colours of verdicts.
pub const VERDICTS: [Named; 9] = [
    ("delivered", GREEN),
    ("late", YELLOW),
    ("altered", PURPLE),
    ("missing", VERMILLION),
    ("unconfirmed", GREY),
    ("rejected", SKY),
    ("leaked", ORANGE),
    ("repeated", BLUE),
    ("unjudged", VIOLET),
];

/// Colours of causes of incidents.
pub const CAUSES: [Named; 10] = [
    ("stalled", "#EE0044"),
    ("loss", VERMILLION),
    ("altered", PURPLE),
    ("leaked", ORANGE),
    ("duplicate", "#1155BB"),
    ("unexpected", "#66FFBB"),
    ("unjudged", VIOLET),
    ("silent", "#CCBBBB"),
    ("finding", "#774400"),
    ("unwatched", "#224466"),
];

/// Of findings, and of a value beside its thresholds.
pub const SEVERITIES: [Named; 4] = [
    ("ok", GREEN),
    ("info", SKY),
    ("warning", ORANGE),
    ("critical", VERMILLION),
];

/// Of alerts, by severity: a page wakes somebody, a ticket does not.
pub const ALERTS: [Named; 2] = [("page", VERMILLION), ("ticket", ORANGE)];

/// Colours of streams.
pub const STREAMS: [Named; 2] = [("raw", "#6E9FFF"), ("written", "#B877D9")];

/// What is as it should be.
pub const GOOD: &str = GREEN;
/// What is worth a look.
pub const WARNING: &str = ORANGE;
/// What is wrong.
pub const BAD: &str = VERMILLION;
/// What is neither.
pub const NEUTRAL: &str = "#8E8E8E";
/// What waits for its verdict.
pub const WAITING: &str = NEUTRAL;

/// The colour of a name in a table.
pub const fn of(table: &[Named], name: &str) -> &'static str {
    let mut index = 0;
    while index < table.len() {
        let (named, colour) = table[index];
        if is(named.as_bytes(), name.as_bytes()) {
            return colour;
        }
        index += 1;
    }
    panic!("no such name");
}

const fn is(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIE76: below some 10, colours of small marks are taken for each other.
    const DISTANCE_MIN: f64 = 15.0;

    /// Machado, Oliveira and Fernandes 2009, severity 1: how linear RGB is seen with full colour vision,
    /// protanopia, deuteranopia and tritanopia.
    const SIGHTS: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ];

    fn linear(colour: &str) -> [f64; 3] {
        [1, 3, 5].map(|at| {
            let part = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    fn lab(seen: [f64; 3]) -> [f64; 3] {
        let seen = seen.map(|part| part.clamp(0.0, 1.0));
        let xyz = [
            dot([0.4124564, 0.3575761, 0.1804375], seen) / 0.95047,
            dot([0.2126729, 0.7151522, 0.0721750], seen),
            dot([0.0193339, 0.1191920, 0.9503041], seen) / 1.08883,
        ];
        let [x, y, z] = xyz.map(|part| {
            if part > 0.008856 {
                part.cbrt()
            } else {
                7.787 * part + 16.0 / 116.0
            }
        });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn whoever_looks_can_tell_the_colours_of_a_table_apart() {
        for table in [&VERDICTS[..], &CAUSES, &SEVERITIES] {
            for (index, (name, colour)) in table.iter().enumerate() {
                for (other, its) in &table[..index] {
                    for sight in SIGHTS {
                        let [a, b] = [colour, its]
                            .map(|colour| lab(sight.map(|row| dot(row, linear(colour)))));
                        let distance = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
                        let distance = distance.sqrt();
                        assert!(
                            distance >= DISTANCE_MIN,
                            "{name} and {other} are {distance:.1} apart"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_cause_has_the_colour_of_the_verdict_of_its_name() {
        for (cause, colour) in CAUSES {
            if let Some((_, verdict)) = VERDICTS.iter().find(|(name, _)| *name == cause) {
                assert_eq!(colour, *verdict, "{cause}");
            }
        }
        assert_eq!(of(&CAUSES, "loss"), of(&VERDICTS, "missing"));
        assert_eq!(of(&SEVERITIES, "critical"), BAD);
    }
}
