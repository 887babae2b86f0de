//! Parses groups, and references to them.

use super::{EcmaParser, GroupNames};
use crate::pattern::chars;
use crate::pattern::error::{PatternError, at};
use crate::pattern::tree::PatternNode;

/// Finds all capturing groups and their names, for a reference may stand before its group.
pub(super) fn names(characters: &[char]) -> Result<GroupNames, PatternError> {
    let mut names = GroupNames {
        by_name: std::collections::HashMap::new(),
        groups: 0,
    };
    let mut is_in_set = false;
    let mut at_character = 0;
    while let Some(character) = characters.get(at_character) {
        match character {
            '\\' => at_character += 1,
            '[' => is_in_set = true,
            ']' => is_in_set = false,
            '(' if !is_in_set => {
                let behind: String = characters[at_character + 1..].iter().take(3).collect();
                let is_named = behind.starts_with("?<")
                    && !behind.starts_with("?<=")
                    && !behind.starts_with("?<!");
                if !behind.starts_with('?') || is_named {
                    names.groups += 1;
                }
                if is_named {
                    let name: String = characters[at_character + 3..]
                        .iter()
                        .take_while(|character| **character != '>')
                        .collect();
                    if names.by_name.insert(name.clone(), names.groups).is_some() {
                        return at(at_character, format!("two groups are named `{}`", name));
                    }
                }
            }
            _ => {}
        }
        at_character += 1;
    }
    Ok(names)
}

impl EcmaParser {
    /// Reads a group behind its `(`. Answers it, and whether it may be repeated.
    pub(super) fn group(&mut self, begins: usize) -> Result<(PatternNode, bool), PatternError> {
        for (open, is_ahead, is_negative) in [
            ("?=", true, false),
            ("?!", true, true),
            ("?<=", false, false),
            ("?<!", false, true),
        ] {
            if self.take(open) {
                let node = Box::new(self.inside(begins)?);
                return Ok((
                    PatternNode::LookAround {
                        is_ahead,
                        is_negative,
                        node,
                    },
                    false,
                ));
            }
        }
        if self.take("?:") {
            let node = match self.inside(begins)? {
                node @ PatternNode::Assert(_) => PatternNode::Concat(vec![node]),
                node => node,
            };
            return Ok((node, true));
        }
        if self.take("?<") {
            self.name(begins)?;
        } else if self.peek() == Some('?') {
            return at(
                begins,
                "ECMA-262 has only `(?:`, `(?=`, `(?!`, `(?<=`, `(?<!` and `(?<name>` here; flags in a \
                 pattern, which its newest edition has, are not supported",
            );
        }
        self.groups += 1;
        let number = self.groups;
        let node = self.inside(begins)?;
        self.closed.push(number);
        Ok((PatternNode::Group(number, Box::new(node)), true))
    }

    fn inside(&mut self, begins: usize) -> Result<PatternNode, PatternError> {
        let node = self.alternatives()?;
        if self.take(")") {
            return Ok(node);
        }
        at(begins, "this bracket is not closed")
    }

    /// Reads a name and the `>` behind it.
    pub(super) fn name(&mut self, begins: usize) -> Result<String, PatternError> {
        let mut name = String::new();
        loop {
            let Some(character) = self.peek() else {
                return at(begins, "this name of a group does not end with `>`");
            };
            self.position += 1;
            let class = match (character, name.is_empty()) {
                ('>', false) => return Ok(name),
                ('$' | '_', _) => {
                    name.push(character);
                    continue;
                }
                ('\u{200C}' | '\u{200D}', false) => {
                    name.push(character);
                    continue;
                }
                (_, true) => r"\p{ID_Start}",
                (_, false) => r"\p{ID_Continue}",
            };
            let set = chars::find_property(class);
            if !set.is_some_and(|set| chars::contains(&set, character)) {
                return at(
                    self.position - 1,
                    format!("`{}` is not supported in a name of a group", character),
                );
            }
            name.push(character);
        }
    }

    /// A back-reference to the group `number`.
    pub(super) fn refer(
        &mut self,
        number: usize,
        begins: usize,
    ) -> Result<PatternNode, PatternError> {
        if number > self.names.groups {
            return at(begins, format!("there is no group {number}"));
        }
        self.references.push((number, begins));
        Ok(if self.closed.contains(&number) {
            PatternNode::ReferenceOrEmpty(number)
        } else {
            // A group that has matched nothing yet is empty, also for a reference inside of it.
            PatternNode::empty()
        })
    }

    pub(super) fn refer_by_name(&mut self, begins: usize) -> Result<PatternNode, PatternError> {
        if !self.take("<") {
            return at(begins, "`\\k` needs a name behind it: `\\k<name>`");
        }
        let name = self.name(begins)?;
        match self.names.by_name.get(&name).copied() {
            Some(number) => self.refer(number, begins),
            None => at(begins, format!("no group is named `{}`", name)),
        }
    }

    /// Refuses references whose meaning the engines do not share: in ECMA-262 a group is reset by each
    /// repetition around it, and a look-behind is matched from its end to its beginning.
    pub(super) fn check_references(&self, tree: &PatternNode) -> Result<(), PatternError> {
        let mut forgotten = Vec::new();
        tree.each(&mut |node| {
            let around = match node {
                PatternNode::Repeat { node, max, .. } if *max != Some(1) => node,
                PatternNode::LookAround {
                    is_ahead: false,
                    node,
                    ..
                } => node,
                _ => return,
            };
            around.each(&mut |node| {
                if let PatternNode::Group(number, _) | PatternNode::ReferenceOrEmpty(number) = node
                {
                    forgotten.push(*number);
                }
            });
        });
        for (number, position) in &self.references {
            if forgotten.contains(number) {
                return at(
                    *position,
                    format!(
                        "a reference to group {number}, where one of the two is in a repetition or a \
                         look-behind, is not supported"
                    ),
                );
            }
        }
        Ok(())
    }
}
