//! The budgets of distinct keys of all routes that one layer is around.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::cardinality::Cardinality;

/// One for each route that has a name, and one for all others.
#[derive(Debug)]
pub(crate) struct Budgets {
    distinct: u64,
    named: RwLock<Vec<Arc<Cardinality>>>,
    others: Arc<Cardinality>,
}

impl Budgets {
    /// Nothing is counted where everything is within the budget.
    pub(crate) fn new(distinct: u64) -> Option<Arc<Self>> {
        let budgets = || Self {
            distinct,
            named: RwLock::default(),
            others: Arc::new(Cardinality::new("", distinct, WINDOW)),
        };
        (distinct < u64::MAX).then(|| Arc::new(budgets()))
    }

    pub(crate) const fn distinct(&self) -> u64 {
        self.distinct
    }

    /// The keys of a route.
    pub(crate) fn of(&self, route: Option<&str>) -> Arc<Cardinality> {
        let Some(name) = route else {
            return Arc::clone(&self.others);
        };
        let find = |named: &[Arc<Cardinality>]| {
            let known = named.iter().find(|route| route.route() == name);
            known.cloned()
        };
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = find(&named) {
            return known;
        }
        drop(named);
        let mut named = self.named.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = find(&named) {
            return known;
        }
        if named.len() == MAX_ROUTES {
            return Arc::clone(&self.others);
        }
        let new = Arc::new(Cardinality::new(name, self.distinct, WINDOW));
        named.push(Arc::clone(&new));
        new
    }
}

pub(crate) const DEFAULT_BUDGET: u64 = 10_000;

const WINDOW: Duration = Duration::from_secs(600);

/// Names come from the application's router; a thousand is more than one has.
const MAX_ROUTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_has_its_own_and_too_many_share_one() {
        let budgets = Budgets::new(10).unwrap();
        let first = budgets.of(Some("0"));
        assert!(Arc::ptr_eq(&first, &budgets.of(Some("0"))));
        assert!(!Arc::ptr_eq(&first, &budgets.of(Some("1"))));
        assert!(!Arc::ptr_eq(&first, &budgets.of(None)));
        for route in 0..2 * MAX_ROUTES {
            let _ = budgets.of(Some(&route.to_string()));
        }
        assert!(Arc::ptr_eq(&first, &budgets.of(Some("0"))));
        let late = budgets.of(Some(&MAX_ROUTES.to_string()));
        assert!(Arc::ptr_eq(&late, &budgets.of(None)));
        assert_eq!(budgets.named.read().unwrap().len(), MAX_ROUTES);
    }

    #[test]
    fn budget_without_end_counts_nothing() {
        assert!(Budgets::new(u64::MAX).is_none());
        assert_eq!(Budgets::new(7).unwrap().distinct(), 7);
    }
}
