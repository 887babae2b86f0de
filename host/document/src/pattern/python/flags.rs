//! Parses flags: `(?i)` for the whole pattern, and `(?i-s:...)` for a group.

use super::tokenizer::Token;
use super::{LastItem, PythonParser, PythonVersion, Sequence};
use crate::pattern::case::IgnoreCase;
use crate::pattern::error::{PatternError, at};

/// The flags that apply at a place of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flags {
    pub ignore_case: bool,
    pub multiline: bool,
    pub dot_all: bool,
    pub verbose: bool,
    /// Whether `\d`, `\s`, `\w`, `\b` and the ignoring of case are those of ASCII.
    pub ascii: bool,
}

impl Flags {
    /// The flags of a pattern that has none.
    pub fn of(version: PythonVersion) -> Self {
        Self {
            ignore_case: false,
            multiline: false,
            dot_all: false,
            verbose: false,
            ascii: version == PythonVersion::Two,
        }
    }

    pub fn case(self) -> Option<IgnoreCase> {
        self.ignore_case.then_some(if self.ascii {
            IgnoreCase::Ascii
        } else {
            IgnoreCase::Unicode
        })
    }

    fn set(&mut self, letter: char, is_on: bool) {
        match letter {
            'i' => self.ignore_case = is_on,
            'm' => self.multiline = is_on,
            's' => self.dot_all = is_on,
            'x' => self.verbose = is_on,
            'a' => self.ascii = true,
            'u' => self.ascii = false,
            _ => {}
        }
    }
}

/// What flags in brackets apply to.
pub(super) enum FlagScope {
    Pattern,
    Group(Flags),
}

impl PythonParser {
    /// Reads flags up to `)` or `:`. `first` is the first flag or `-`, and was read already.
    pub(super) fn read_flags(
        &mut self,
        first: char,
        begins: usize,
        flags: Flags,
    ) -> Result<FlagScope, PatternError> {
        let mut on: Vec<char> = Vec::new();
        let mut off: Vec<char> = Vec::new();
        let mut letter = first;
        let mut is_off = false;
        loop {
            let position = self.tokens.position().saturating_sub(1);
            match letter {
                '-' if !is_off && self.version == PythonVersion::Three => is_off = true,
                ')' if !on.is_empty() && !is_off => {
                    for letter in on {
                        let is_type = letter == 'a' || letter == 'u';
                        let is_other = self.type_flag.is_some_and(|other| other != letter);
                        if is_type && is_other && self.version == PythonVersion::Three {
                            return at(begins, "the flags `a` and `u` exclude each other");
                        }
                        if is_type {
                            self.type_flag = Some(letter);
                        }
                        self.flags.set(letter, true);
                    }
                    return Ok(FlagScope::Pattern);
                }
                ':' if self.version == PythonVersion::Three && !(is_off && off.is_empty()) => {
                    if let Some(letter) = on.iter().find(|letter| off.contains(letter)) {
                        return at(
                            position,
                            format!("the flag `{letter}` is turned on and off"),
                        );
                    }
                    let mut flags = flags;
                    on.iter().for_each(|letter| flags.set(*letter, true));
                    off.iter().for_each(|letter| flags.set(*letter, false));
                    return Ok(FlagScope::Group(flags));
                }
                letter => {
                    self.check_flag(letter, position, is_off, &on)?;
                    let list = if is_off { &mut off } else { &mut on };
                    list.push(letter);
                }
            }
            letter = match self.tokens.next() {
                Some(Token::Plain(letter)) => letter,
                Some(Token::Escape(_)) => '\\',
                None => {
                    return at(
                        begins,
                        "the flags in these brackets do not end with `)` or `:`",
                    );
                }
            };
        }
    }

    fn check_flag(
        &self,
        letter: char,
        position: usize,
        is_off: bool,
        on: &[char],
    ) -> Result<(), PatternError> {
        let is_two = self.version == PythonVersion::Two;
        match letter {
            'i' | 'm' | 's' | 'x' => Ok(()),
            'L' if is_two => at(
                position,
                "the flag `L` makes the meaning depend on a machine's locale, which Landfall does not know",
            ),
            'L' => at(position, "Python has no flag `L` for patterns of text"),
            't' => at(
                position,
                "the flag `t` is not supported, and Python does not support it either",
            ),
            'a' if is_two => at(position, "Python 2 has no flag `a`"),
            'a' | 'u' if is_off => at(
                position,
                format!("the flag `{letter}` cannot be turned off"),
            ),
            'a' | 'u'
                if on
                    .iter()
                    .any(|other| "au".contains(*other) && *other != letter) =>
            {
                at(position, "the flags `a` and `u` exclude each other")
            }
            'a' | 'u' => Ok(()),
            other => at(position, format!("`{}` is no flag here", other)),
        }
    }

    /// Applies flags for the whole pattern, where they stand in it.
    pub(super) fn take_global(
        &mut self,
        begins: usize,
        flags: &mut Flags,
        is_first: bool,
        items: &Sequence,
    ) -> Result<(), PatternError> {
        if self.version == PythonVersion::Two {
            // The pattern is parsed once more with them.
            return Ok(());
        }
        if !is_first || items.last != LastItem::Nothing {
            return at(
                begins,
                "flags for the whole pattern stand at its beginning, or Python 3.11 refuses it",
            );
        }
        *flags = self.flags;
        Ok(())
    }
}
