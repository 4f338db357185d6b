//! Policies, tables of their tests, and what is remembered of them.

use attest_policy::{Closure, PolicyState, TestTable};

use crate::Outcome;

/// A policy that parses asks something of somebody: it has rules, and each names signers that it has.
/// Includes are given the policy itself, which has never the digest that it names.
pub fn policy(data: &[u8]) -> Outcome {
    if let Ok(state) = PolicyState::parse(data) {
        let again = PolicyState::parse(&state.to_bytes()).expect("what we write we read");
        assert_eq!(again, state);
        return Outcome::Read;
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(table) = TestTable::parse(text)
    {
        assert!(!table.cases.is_empty());
        assert!(
            table
                .cases
                .iter()
                .all(|it| (it.exit == 0) == it.code.is_none())
        );
        return Outcome::Read;
    }
    let Ok(closure) = Closure::load(data, &mut |_| Ok(data.to_vec())) else {
        return Outcome::Refused;
    };
    assert!(!closure.rules().is_empty());
    for rule in closure.rules() {
        assert!(!rule.signed_by().is_empty());
        for name in rule.signed_by() {
            assert!(closure.groups().any(|(group, _)| group.name == *name));
        }
        assert!(!rule.asks().is_empty());
    }
    Outcome::Read
}
