//! Structured dictionaries (RFC 9651 section 4.2.2) and what targeted fields say with them
//! (RFC 9213), for the oracle.

use super::wording::{Says, Scope};

/// A member's value; parameters are of no interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Boolean(bool),
    Integer(i64),
    Text(String),
    List(Vec<Value>),
    /// A decimal, token, byte sequence, date or display string: never right in these fields.
    Other,
}

/// Members in order; the last of a name wins. `None` when any of it is wrong.
pub fn parse(text: &str) -> Option<Vec<(String, Value)>> {
    let mut input = Input {
        chars: text.chars().collect(),
        at: 0,
    };
    let mut members: Vec<(String, Value)> = Vec::new();
    input.skip(" ");
    while input.peek().is_some() {
        let name = input.key()?;
        let value = if input.take('=') {
            input.item_or_list()?
        } else {
            Value::Boolean(true)
        };
        input.parameters()?;
        members.retain(|(known, _)| *known != name);
        members.push((name, value));
        input.skip(" \t");
        if input.peek().is_none() {
            return Some(members);
        }
        if !input.take(',') {
            return None;
        }
        input.skip(" \t");
        input.peek()?;
    }
    Some(members)
}

/// A member of the wrong type restricts as much as it can and permits nothing.
pub fn directives(members: &[(String, Value)]) -> Says {
    let get = |name: &str| {
        members
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, v)| v)
    };
    let seconds = |value: &Value| match value {
        Value::Integer(number) if *number >= 0 => Some((*number).min(1 << 31)),
        _ => None,
    };
    let lifetime = |name| get(name).map(|value| seconds(value).unwrap_or(0));
    let restricts = |name| get(name).is_some_and(|value| *value != Value::Boolean(false));
    let permits = |name| get(name) == Some(&Value::Boolean(true));
    let scope = |name| match get(name) {
        None | Some(Value::Boolean(false)) => Scope::Absent,
        Some(Value::List(items)) => Scope::of_names(
            items
                .iter()
                .map(|item| match item {
                    Value::Text(name) => name.clone(),
                    _ => String::new(),
                })
                .collect(),
        ),
        Some(_) => Scope::Whole,
    };
    // It forbids and permits. Of the wrong type it only forbids.
    let no_store = restricts("no-store");
    let must_understand = if no_store {
        permits("must-understand")
    } else {
        restricts("must-understand")
    };
    Says {
        targeted: true,
        garbage: false,
        max_age: lifetime("max-age"),
        s_maxage: lifetime("s-maxage"),
        no_store,
        no_cache: scope("no-cache"),
        private: scope("private"),
        public: permits("public"),
        must_revalidate: restricts("must-revalidate"),
        proxy_revalidate: restricts("proxy-revalidate"),
        must_understand,
        immutable: permits("immutable"),
        while_validating: get("stale-while-revalidate").and_then(seconds),
        if_error: get("stale-if-error").and_then(seconds),
    }
}

struct Input {
    chars: Vec<char>,
    at: usize,
}

impl Input {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += 1;
        next
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn skip(&mut self, these: &str) {
        self.run(|c| these.contains(c));
    }

    fn run(&mut self, good: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek().filter(|c| good(*c)) {
            text.push(c);
            self.at += 1;
        }
        text
    }

    fn key(&mut self) -> Option<String> {
        self.peek()
            .filter(|c| c.is_ascii_lowercase() || *c == '*')?;
        Some(self.run(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c)))
    }

    fn item_or_list(&mut self) -> Option<Value> {
        if !self.take('(') {
            return self.bare();
        }
        let mut items = Vec::new();
        loop {
            self.skip(" ");
            if self.take(')') {
                return Some(Value::List(items));
            }
            items.push(self.bare()?);
            self.parameters()?;
            self.peek().filter(|c| " )".contains(*c))?;
        }
    }

    fn parameters(&mut self) -> Option<()> {
        while self.take(';') {
            self.skip(" ");
            self.key()?;
            if self.take('=') {
                self.bare()?;
            }
        }
        Some(())
    }

    fn bare(&mut self) -> Option<Value> {
        match self.peek()? {
            '"' => self.string().map(Value::Text),
            '?' => {
                self.next();
                match self.next()? {
                    '0' => Some(Value::Boolean(false)),
                    '1' => Some(Value::Boolean(true)),
                    _ => None,
                }
            }
            '-' | '0'..='9' => self.number(),
            ':' => {
                self.next();
                let text = self.run(|c| c.is_ascii_alphanumeric() || "+/=".contains(c));
                (self.take(':') && text.len().is_multiple_of(4)).then_some(Value::Other)
            }
            '@' => {
                self.next();
                matches!(self.number()?, Value::Integer(_)).then_some(Value::Other)
            }
            c if c.is_ascii_alphabetic() || c == '*' => {
                self.run(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(c));
                Some(Value::Other)
            }
            _ => None,
        }
    }

    fn string(&mut self) -> Option<String> {
        let mut text = String::new();
        self.next();
        loop {
            match self.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.next().filter(|c| "\"\\".contains(*c))?),
                c if (' '..='~').contains(&c) => text.push(c),
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<Value> {
        let negative = self.take('-');
        let digits = self.run(|c| c.is_ascii_digit());
        if digits.is_empty() {
            return None;
        }
        if self.take('.') {
            let fraction = self.run(|c| c.is_ascii_digit());
            let good = digits.len() <= 12 && (1..=3).contains(&fraction.len());
            return good.then_some(Value::Other);
        }
        let number: i64 = digits.parse().ok().filter(|_| digits.len() <= 15)?;
        Some(Value::Integer(if negative { -number } else { number }))
    }
}
