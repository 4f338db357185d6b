//! `where` as it stands in a policy.

use super::{Bound, Condition, FieldPath, Glob, OPERATORS, Scalar, Test};
use crate::limits;
use crate::toml::{FileError, Item, Table};

pub(super) fn read_into(
    table: &Table<'_>,
    above: &[String],
    depth: usize,
    conditions: &mut Vec<Condition>,
) -> Result<(), FileError> {
    if depth > limits::CONDITION_DEPTH {
        return Err(table.fault(format!("nested deeper than {}", limits::CONDITION_DEPTH)));
    }
    for (name, item) in table.fields() {
        let mut path = above.to_vec();
        path.extend(
            FieldPath::parse(name)
                .map_err(|problem| item.fault(problem))?
                .0,
        );
        if item.is_table() {
            let inner = item.table()?;
            if !is_operators(&inner) {
                if inner.fields().next().is_none() {
                    return Err(item.fault("wanted a condition"));
                }
                read_into(&inner, &path, depth + 1, conditions)?;
                continue;
            }
            inner.only(OPERATORS)?;
            for (operator, operand) in inner.fields() {
                let test = Test::read(operator, operand, depth)?;
                let path = FieldPath(path.clone());
                conditions.push(Condition { path, test });
            }
        } else if item.is_list() {
            if !item.items()?.is_empty() {
                return Err(item.fault(
                    "a list has two meanings: write { one_of = […] }, or { contains = … } for each element",
                ));
            }
            let (path, test) = (FieldPath(path), Test::Empty(true));
            conditions.push(Condition { path, test });
        } else {
            let test = if item.is_time() {
                return Err(item.fault("of times write { at_least = … } or { at_most = … }"));
            } else {
                Test::Equals(Scalar::read(item)?)
            };
            let path = FieldPath(path);
            conditions.push(Condition { path, test });
        }
        if conditions.len() > limits::CONDITIONS {
            return Err(item.fault(format!("more than {} conditions", limits::CONDITIONS)));
        }
    }
    Ok(())
}

/// Whether a table is of operators: then all of its fields are.
fn is_operators(table: &Table<'_>) -> bool {
    table.fields().any(|(name, _)| OPERATORS.contains(&name))
}

impl Test {
    fn read(operator: &str, operand: &Item<'_>, depth: usize) -> Result<Self, FileError> {
        let inner = || {
            let mut conditions = Vec::new();
            let table = operand.table()?;
            read_into(&table, &[], depth + 1, &mut conditions)?;
            if conditions.is_empty() {
                return Err(operand.fault("no field is named: every element would do"));
            }
            Ok(conditions)
        };
        match operator {
            "equals" => Scalar::read(operand).map(Self::Equals),
            "one_of" => {
                let items = operand.items()?;
                if items.is_empty() {
                    return Err(operand.fault("one of none is nothing"));
                }
                let values: Result<Vec<_>, _> = items.iter().map(Scalar::read).collect();
                values.map(Self::OneOf)
            }
            "empty" => operand.boolean().map(Self::Empty),
            "at_least" => Bound::read(operand).map(Self::AtLeast),
            "at_most" => Bound::read(operand).map(Self::AtMost),
            "glob" => Glob::read(&operand.text()?).map(Self::Glob),
            "contains" => Scalar::read(operand).map(Self::Contains),
            "every" => inner().map(Self::Every),
            _ => inner().map(Self::Some),
        }
    }
}
