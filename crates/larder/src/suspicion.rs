//! Which input a stored response seems to depend on, told from when the inner service's responses
//! differ from it and when they agree.

/// What was seen so far of the checks of one stored response.
#[derive(Debug)]
pub(crate) struct Suspicion<T> {
    suspects: Vec<T>,
    /// How often it was one or the other by turns.
    turns: u8,
    differed_last: bool,
}

impl<T> Default for Suspicion<T> {
    fn default() -> Self {
        Self {
            suspects: Vec::new(),
            turns: 0,
            differed_last: false,
        }
    }
}

impl<T: Clone + PartialEq> Suspicion<T> {
    /// A request that has these inputs otherwise than the one that filled the store was given another
    /// response: it is due to one of them, or to none.
    pub(crate) fn differed(&mut self, inputs: &[T]) {
        if self.turns == 0 {
            self.suspects = inputs.to_vec();
        } else {
            self.suspects.retain(|suspect| inputs.contains(suspect));
        }
        self.turn(true);
    }

    /// Such a request was given the same response: it is due to none of them. Returns those that are
    /// left when that went by turns often enough. A resource that changes once does not change back,
    /// and one that changes to and fro does not keep time with an input.
    pub(crate) fn agreed(&mut self, inputs: &[T]) -> Vec<T> {
        self.suspects.retain(|suspect| !inputs.contains(suspect));
        if self.turns > 0 {
            self.turn(false);
        }
        if self.turns < ENOUGH_TURNS {
            return Vec::new();
        }
        std::mem::take(self).suspects
    }

    fn turn(&mut self, differed: bool) {
        if self.suspects.is_empty() {
            *self = Self::default();
        } else if self.turns == 0 || self.differed_last != differed {
            self.turns = self.turns.saturating_add(1);
            self.differed_last = differed;
        }
    }
}

/// Differed, agreed, differed, agreed.
const ENOUGH_TURNS: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_that_differs_and_agrees_by_turns_is_convicted() {
        let mut suspicion = Suspicion::default();
        suspicion.differed(&["flag", "agent"]);
        assert!(suspicion.agreed(&["agent"]).is_empty());
        suspicion.differed(&["flag", "agent", "language"]);
        suspicion.differed(&["flag"]);
        assert_eq!(suspicion.agreed(&["language"]), ["flag"]);
        assert!(suspicion.agreed(&[]).is_empty());
    }

    #[test]
    fn resource_that_changed_convicts_nobody() {
        let mut suspicion = Suspicion::default();
        for _ in 0..10 {
            assert!(suspicion.agreed(&["agent"]).is_empty());
        }
        for _ in 0..10 {
            suspicion.differed(&["flag"]);
            suspicion.differed(&["flag", "agent"]);
        }
        assert!(suspicion.agreed(&[]).is_empty());
    }

    #[test]
    fn responses_that_differ_whatever_was_asked_convict_nobody() {
        let mut suspicion = Suspicion::default();
        for _ in 0..10 {
            suspicion.differed(&["flag"]);
            assert!(suspicion.agreed(&["flag"]).is_empty());
            suspicion.differed(&[]);
            assert!(suspicion.agreed(&[]).is_empty());
        }
    }
}
