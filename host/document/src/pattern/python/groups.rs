//! Parses groups, and everything else that begins with `(`.

use super::flags::{FlagScope, Flags};
use super::tokenizer::Token;
use super::{PythonParser, PythonVersion, Sequence};
use crate::pattern::chars;
use crate::pattern::error::{PatternError, at};
use crate::pattern::tree::PatternNode;

/// Groups of a pattern in Python 2. Python 3 has no limit that a pattern could reach.
const GROUPS_MAX_OF_TWO: usize = 99;

impl PythonParser {
    /// Reads what begins with the `(` at `begins`, which was read already.
    pub(super) fn group(
        &mut self,
        begins: usize,
        flags: &mut Flags,
        is_first: bool,
        items: &mut Sequence,
    ) -> Result<(), PatternError> {
        if !self.tokens.take('?') {
            return self.capture(None, begins, *flags, items);
        }
        let position = self.tokens.position();
        let Some(Token::Plain(kind)) = self.tokens.next() else {
            return at(
                begins,
                "no kind of group follows the `?` behind this bracket",
            );
        };
        match kind {
            'P' => self.named(begins, *flags, items),
            ':' => {
                let node = self.inside(begins, *flags)?;
                items.push(grouped(node));
                Ok(())
            }
            '#' => self.comment(begins),
            '=' | '!' => {
                let node = self.inside(begins, *flags)?;
                items.push(look(true, kind == '!', node));
                Ok(())
            }
            '<' => self.look_behind(begins, *flags, items),
            '(' => self.conditional(begins, *flags, items),
            '>' if self.version == PythonVersion::Three => {
                let node = self.inside(begins, *flags)?;
                items.push(PatternNode::Atomic(Box::new(node)));
                Ok(())
            }
            'i' | 'm' | 's' | 'x' | 'a' | 'u' | 'L' | 't' | '-' => {
                match self.read_flags(kind, begins, *flags)? {
                    FlagScope::Pattern => self.take_global(begins, flags, is_first, items),
                    FlagScope::Group(flags) => {
                        let node = self.inside(begins, flags)?;
                        items.push(grouped(node));
                        Ok(())
                    }
                }
            }
            other => at(position, format!("Python has no `(?{}`", other)),
        }
    }

    /// Reads the inside of a group whose `(` stands at `begins`, and the `)`.
    fn inside(&mut self, begins: usize, flags: Flags) -> Result<PatternNode, PatternError> {
        let node = self.alternatives(flags, false)?;
        self.close(begins)?;
        Ok(node)
    }

    fn close(&mut self, begins: usize) -> Result<(), PatternError> {
        if self.tokens.take(')') {
            return Ok(());
        }
        at(begins, "this bracket is not closed")
    }

    fn capture(
        &mut self,
        name: Option<String>,
        begins: usize,
        flags: Flags,
        items: &mut Sequence,
    ) -> Result<(), PatternError> {
        let number = self.closed.len() + 1;
        if self.version == PythonVersion::Two && number > GROUPS_MAX_OF_TWO {
            return at(
                begins,
                format!("Python 2 takes no more than {GROUPS_MAX_OF_TWO} groups"),
            );
        }
        if let Some(name) = name
            && let Some(other) = self.names.insert(name.clone(), number)
        {
            return at(
                begins,
                format!("`{name}` is the name of group {other} already"),
            );
        }
        self.closed.push(false);
        self.widths.push((0, None));
        let node = self.inside(begins, flags)?;
        self.closed[number - 1] = true;
        self.widths[number - 1] = node.width(&self.widths);
        items.push(PatternNode::Group(number, Box::new(node)));
        Ok(())
    }

    /// Reads a named group, or a reference by name, behind `(?P`.
    fn named(
        &mut self,
        begins: usize,
        flags: Flags,
        items: &mut Sequence,
    ) -> Result<(), PatternError> {
        let position = self.tokens.position() + 1;
        if self.tokens.take('<') {
            let name = self.tokens.until('>', "name of the group")?;
            self.check_name(&name, position)?;
            return self.capture(Some(name), begins, flags, items);
        }
        if self.tokens.take('=') {
            let name = self.tokens.until(')', "name of the group")?;
            self.check_name(&name, position)?;
            let Some(number) = self.names.get(&name).copied() else {
                return at(position, format!("no group is named `{}`", name));
            };
            return self.refer(number, begins, flags, items);
        }
        at(begins, "`(?P` is followed by neither `<` nor `=`")
    }

    fn check_name(&self, name: &str, position: usize) -> Result<(), PatternError> {
        let is_ascii_only = self.version == PythonVersion::Two;
        let is_of = |character: char, class: &str| {
            let set = chars::find_property(class);
            set.is_some_and(|set| chars::contains(&set, character))
        };
        let is_name = name.chars().enumerate().all(|(index, character)| {
            if character.is_ascii() {
                character == '_'
                    || character.is_ascii_alphabetic()
                    || index > 0 && character.is_ascii_digit()
            } else {
                let class = if index == 0 {
                    r"\p{XID_Start}"
                } else {
                    r"\p{XID_Continue}"
                };
                !is_ascii_only && is_of(character, class)
            }
        });
        if is_name {
            return Ok(());
        }
        at(position, format!("`{}` is no name of a group", name))
    }

    /// Adds a back-reference to a sequence.
    pub(super) fn refer(
        &mut self,
        number: usize,
        position: usize,
        flags: Flags,
        items: &mut Sequence,
    ) -> Result<(), PatternError> {
        match self.closed.get(number.wrapping_sub(1)) {
            None => return at(position, format!("there is no group {number} before it")),
            Some(false) => {
                return at(position, format!("group {number} is not closed before it"));
            }
            Some(true) => {}
        }
        self.check_look_behind(number, position)?;
        if flags.ignore_case {
            return at(
                position,
                "a back reference that ignores case is not supported: write `(?-i:...)` around it, or say \
                 it in another way",
            );
        }
        self.references.push((number, position));
        items.push(PatternNode::Reference(number));
        Ok(())
    }

    fn check_look_behind(&self, number: usize, position: usize) -> Result<(), PatternError> {
        let Some(before) = self.groups_before_look_behind else {
            return Ok(());
        };
        if self.version == PythonVersion::Two {
            return at(position, "a group in a look-behind is not supported");
        }
        if self.closed.get(number - 1) != Some(&true) {
            return at(position, format!("group {number} is not closed before it"));
        }
        if number > before {
            return at(
                position,
                format!("group {number} is defined in the same look-behind"),
            );
        }
        Ok(())
    }

    fn comment(&mut self, begins: usize) -> Result<(), PatternError> {
        while let Some(token) = self.tokens.next() {
            if token.is(')') {
                return Ok(());
            }
        }
        at(begins, "this comment is not closed")
    }

    /// Reads a look-behind, behind `(?<`.
    fn look_behind(
        &mut self,
        begins: usize,
        flags: Flags,
        items: &mut Sequence,
    ) -> Result<(), PatternError> {
        let is_negative = match self.tokens.next() {
            Some(Token::Plain('=')) => false,
            Some(Token::Plain('!')) => true,
            _ => {
                return at(
                    begins,
                    "Python names a group by `(?P<name>`, not by `(?<name>`",
                );
            }
        };
        let outer = self.groups_before_look_behind;
        self.groups_before_look_behind = Some(outer.unwrap_or(self.closed.len()));
        let node = self.alternatives(flags, false)?;
        self.groups_before_look_behind = outer;
        self.close(begins)?;
        let (low, high) = node.width(&self.widths);
        if high != Some(low) {
            return at(begins, "a look-behind has to be of one length");
        }
        items.push(look(false, is_negative, node));
        Ok(())
    }

    /// Reads a conditional, behind `(?(`.
    fn conditional(
        &mut self,
        begins: usize,
        flags: Flags,
        items: &mut Sequence,
    ) -> Result<(), PatternError> {
        let position = self.tokens.position();
        let name = self
            .tokens
            .until(')', "group that the condition asks for")?;
        let number = if self.check_name(&name, position).is_ok() {
            let Some(number) = self.names.get(&name) else {
                return at(position, format!("no group is named `{name}`"));
            };
            *number
        } else {
            let digits = name.bytes().all(|byte| byte.is_ascii_digit());
            let number = name.parse::<usize>().ok();
            match number.filter(|number| digits && *number > 0) {
                Some(number) => number,
                None => {
                    return at(
                        position,
                        format!("`{}` is neither a group's number nor its name", name),
                    );
                }
            }
        };
        if self.closed.get(number - 1) == Some(&false) {
            return at(
                position,
                "a condition that asks for a group around it is not supported",
            );
        }
        if self.groups_before_look_behind.is_some() {
            self.check_look_behind(number, position)?;
        }
        self.conditions.push((number, position));
        self.references.push((number, position));
        let mut flags = flags;
        let yes = PatternNode::concat(self.branch(&mut flags)?);
        let no = if self.tokens.take('|') {
            let no = PatternNode::concat(self.branch(&mut flags)?);
            if self.tokens.peek().is_some_and(|token| token.is('|')) {
                return at(
                    self.tokens.position(),
                    "a condition has two alternatives at the most",
                );
            }
            no
        } else {
            PatternNode::empty()
        };
        self.close(begins)?;
        items.push(PatternNode::Conditional {
            group: number,
            yes: Box::new(yes),
            no: Box::new(no),
        });
        Ok(())
    }

    fn branch(&mut self, flags: &mut Flags) -> Result<Vec<PatternNode>, PatternError> {
        if self.depth > super::GROUPS_DEPTH_MAX {
            return at(
                self.tokens.position(),
                format!(
                    "groups are nested more than {} deep",
                    super::GROUPS_DEPTH_MAX
                ),
            );
        }
        self.depth += 1;
        let items = self.sequence(flags, false)?;
        self.depth -= 1;
        Ok(items.nodes)
    }
}

/// A group that does not capture. A quantifier may follow it, also if it holds only an assertion.
fn grouped(node: PatternNode) -> PatternNode {
    match node {
        PatternNode::Assert(_) => PatternNode::Concat(vec![node]),
        node => node,
    }
}

fn look(is_ahead: bool, is_negative: bool, node: PatternNode) -> PatternNode {
    PatternNode::LookAround {
        is_ahead,
        is_negative,
        node: Box::new(node),
    }
}
