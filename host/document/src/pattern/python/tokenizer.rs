//! Splits a pattern into CPython's tokens: a character, or a backslash and the character behind it.

use crate::pattern::error::{PatternError, at};

/// A token of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Plain(char),
    /// The character behind a backslash.
    Escape(char),
}

impl Token {
    pub fn is(self, character: char) -> bool {
        self == Self::Plain(character)
    }
}

pub(super) struct Tokenizer {
    characters: Vec<char>,
    position: usize,
}

impl Tokenizer {
    pub fn new(pattern: &str) -> Self {
        Self {
            characters: pattern.chars().collect(),
            position: 0,
        }
    }

    /// Refuses a pattern with a backslash at its end, which has no character behind it.
    pub fn check_end(&self) -> Result<(), PatternError> {
        let backslashes = self.characters.iter().rev().take_while(|one| **one == '\\');
        if backslashes.count() % 2 == 1 {
            return at(
                self.characters.len() - 1,
                "a backslash at the end of the pattern stands for nothing",
            );
        }
        Ok(())
    }

    /// Characters before the next token.
    pub fn position(&self) -> usize {
        self.position
    }

    pub fn seek(&mut self, position: usize) {
        self.position = position;
    }

    pub fn peek(&self) -> Option<Token> {
        let first = *self.characters.get(self.position)?;
        if first != '\\' {
            return Some(Token::Plain(first));
        }
        let escaped = self.characters.get(self.position + 1)?;
        Some(Token::Escape(*escaped))
    }

    pub fn next(&mut self) -> Option<Token> {
        let token = self.peek()?;
        self.position += match token {
            Token::Plain(_) => 1,
            Token::Escape(_) => 2,
        };
        Some(token)
    }

    /// Reads the character, if it is the next token.
    pub fn take(&mut self, character: char) -> bool {
        let is_next = self.peek() == Some(Token::Plain(character));
        if is_next {
            self.position += 1;
        }
        is_next
    }

    /// Reads up to `max` digits of a base.
    pub fn digits(&mut self, max: usize, base: u32) -> String {
        let mut digits = String::new();
        while let Some(Token::Plain(digit)) = self.peek()
            && digits.len() < max
            && digit.is_digit(base)
        {
            digits.push(digit);
            self.position += 1;
        }
        digits
    }

    /// Reads up to `end`, which is read too, and answers what stands before it. `what` is what that should be,
    /// for a message.
    pub fn until(&mut self, end: char, what: &str) -> Result<String, PatternError> {
        let begins = self.position;
        let mut text = String::new();
        loop {
            match self.next() {
                None => {
                    return at(begins, format!("the {what} here does not end with `{end}`"));
                }
                Some(token) if token.is(end) => break,
                Some(Token::Plain(character)) => text.push(character),
                Some(Token::Escape(escaped)) => text.extend(['\\', escaped]),
            }
        }
        if text.is_empty() {
            return at(begins, format!("the {what} is missing"));
        }
        Ok(text)
    }
}
