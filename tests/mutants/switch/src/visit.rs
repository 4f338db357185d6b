//! Finds the place of each mutant.

use proc_macro2::{LineColumn, Span};
use serde_json::Value;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Arm, BinOp, Block, Expr, ExprBinary, ExprUnary, ImplItemFn, ItemFn, Signature};

use crate::edit::Edits;

/// One change, as cargo-mutants lists it.
pub struct Mutant {
    id: u64,
    genre: String,
    replacement: String,
    start: LineColumn,
    function_end: LineColumn,
}

impl Mutant {
    pub fn read(id: u64, listed: &Value) -> Self {
        Self {
            id,
            genre: listed["genre"].as_str().unwrap().to_owned(),
            replacement: listed["replacement"].as_str().unwrap().to_owned(),
            start: place(&listed["span"]["start"]),
            function_end: place(&listed["function"]["span"]["end"]),
        }
    }
}

/// Both count lines from one; columns we count from zero.
fn place(listed: &Value) -> LineColumn {
    let number = |name: &str| usize::try_from(listed[name].as_u64().unwrap_or_default()).unwrap();
    LineColumn { line: number("line"), column: number("column").saturating_sub(1) }
}

pub struct Visitor<'s> {
    source: &'s str,
    mutants: Vec<Mutant>,
    edits: Edits,
}

impl<'s> Visitor<'s> {
    pub fn new(source: &'s str, mutants: Vec<Mutant>) -> Self {
        Self { source, mutants, edits: Edits::default() }
    }

    /// What is to be written, and the mutants that have no place.
    pub fn finish(self) -> (Edits, Vec<u64>) {
        (self.edits, self.mutants.into_iter().map(|it| it.id).collect())
    }

    /// Takes the mutants of a genre that are about what begins there.
    fn take(&mut self, wanted: impl Fn(&Mutant) -> bool) -> Vec<(u64, String)> {
        let (taken, left) = std::mem::take(&mut self.mutants).into_iter().partition(wanted);
        self.mutants = left;
        let taken: Vec<Mutant> = taken;
        taken.into_iter().map(|it| (it.id, it.replacement)).collect()
    }

    fn at(&mut self, genre: &str, span: Span) -> Vec<(u64, String)> {
        self.take(|it| it.genre == genre && it.start == span.start())
    }

    fn text(&self, part: &impl Spanned) -> &'s str {
        &self.source[part.span().byte_range()]
    }

    fn function(&mut self, signature: &Signature, block: &Block) {
        let end = block.span().end();
        let values = self.take(|it| it.genre == "FnValue" && it.function_end == end);
        let at = block.brace_token.span.open().byte_range().end;
        for (id, value) in &values {
            if value == "::std::iter::empty()" {
                // The function has one opaque type: an iterator that gives nothing is of it, too.
                self.edits.open(at, " ({ ".to_owned(), &[*id]);
                let text = format!(" }}).filter(|_| !crate::mutants::on({id})) ");
                self.edits.close(block.brace_token.span.close().byte_range().start, &text, &[*id]);
                continue;
            }
            let text = format!(" if crate::mutants::on({id}) {{ return {value}; }} ");
            self.edits.open(at, text, &[*id]);
        }
        let changes = !values.is_empty() || self.mutants.iter().any(|it| it.function_end == end);
        if let Some(constant) = signature.constness.filter(|_| changes) {
            self.edits.replace(constant.span().byte_range(), String::new(), &[]);
        }
    }

    /// `whole` stands in the last arm of a match on the switch, `changed` in the others.
    fn arms(&mut self, whole: &impl Spanned, changed: &[(u64, String)]) {
        let ids: Vec<u64> = changed.iter().map(|it| it.0).collect();
        let arms: String = changed.iter().map(|(id, text)| format!("{id} => {text}, ")).collect();
        let range = whole.span().byte_range();
        let text = format!("(match crate::mutants::of(&{ids:?}) {{ {arms}_ => ");
        self.edits.open(range.start, text, &ids);
    }

    fn arms_end(&mut self, whole: &impl Spanned, changed: &[(u64, String)]) {
        let ids: Vec<u64> = changed.iter().map(|it| it.0).collect();
        self.edits.close(whole.span().byte_range().end, " })", &ids);
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        if holds_let(&binary.left) || holds_let(&binary.right) {
            // `a || let b = c` is not Rust: it stays without a place.
            return visit::visit_expr_binary(self, binary);
        }
        let mutants = self.at("BinaryOperator", binary.op.span());
        if mutants.is_empty() {
            return visit::visit_expr_binary(self, binary);
        }
        if matches!(binary.op, BinOp::And(_) | BinOp::Or(_)) {
            return self.short_circuit(binary, &mutants);
        }
        let (left, right) = (self.text(&binary.left), self.text(&binary.right));
        let changed: Vec<(u64, String)> = mutants
            .iter()
            .map(|(id, operator)| {
                // What is assigned to stands bare.
                let left = if operator.ends_with('=') && !matches!(&operator[..], "==" | "!=" | "<=" | ">=") {
                    left.to_owned()
                } else {
                    format!("({left})")
                };
                (*id, format!("{left} {operator} ({right})"))
            })
            .collect();
        self.arms(binary, &changed);
        visit::visit_expr_binary(self, binary);
        self.arms_end(binary, &changed);
    }

    fn visit_expr_unary(&mut self, unary: &'ast ExprUnary) {
        let mutants = self.at("UnaryOperator", unary.op.span());
        if mutants.is_empty() {
            return visit::visit_expr_unary(self, unary);
        }
        let operand = self.text(&unary.expr);
        let changed: Vec<(u64, String)> =
            mutants.into_iter().map(|(id, _)| (id, format!("({operand})"))).collect();
        self.arms(unary, &changed);
        visit::visit_expr_unary(self, unary);
        self.arms_end(unary, &changed);
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        let deleted = self.at("MatchArm", arm.span());
        let guards = match &arm.guard {
            Some((_, guard)) => self.at("MatchArmGuard", guard.span()),
            None => Vec::new(),
        };
        let is_there: String =
            deleted.iter().map(|(id, _)| format!("!crate::mutants::on({id}) && ")).collect();
        let mut ids: Vec<u64> = deleted.iter().map(|it| it.0).collect();
        ids.extend(guards.iter().map(|it| it.0));
        match &arm.guard {
            Some((_, guard)) if !ids.is_empty() && !holds_let(guard) => {
                let mut text = format!("{is_there}(");
                for (id, value) in &guards {
                    match &value[..] {
                        "true" => text.push_str(&format!("crate::mutants::on({id}) || ")),
                        _ => text.push_str(&format!("!crate::mutants::on({id}) && ")),
                    }
                }
                let range = guard.span().byte_range();
                self.edits.open(range.start, format!("{text}("), &ids);
                visit::visit_arm(self, arm);
                self.edits.close(range.end, "))", &ids);
            }
            None if !ids.is_empty() => {
                let text = format!(" if {is_there}true");
                self.edits.close(arm.pat.span().byte_range().end, &text, &ids);
                visit::visit_arm(self, arm);
            }
            _ => visit::visit_arm(self, arm),
        }
    }
}

impl Visitor<'_> {
    /// `left && right` is `right` when left is true, `left || right` when it is false.
    fn short_circuit(&mut self, binary: &ExprBinary, mutants: &[(u64, String)]) {
        let is_and = matches!(binary.op, BinOp::And(_));
        let ids: Vec<u64> = mutants.iter().map(|it| it.0).collect();
        let on: Vec<String> = ids.iter().map(|id| format!("crate::mutants::on({id})")).collect();
        let condition = format!("({}) != {}", on.join(" || "), !is_and);
        let range = binary.span().byte_range();
        self.edits.open(range.start, "({ let left: bool = ".to_owned(), &ids);
        self.visit_expr(&binary.left);
        let text = format!("; if left == ({condition}) {{ left }} else {{ ");
        self.edits.replace(binary.op.span().byte_range(), text, &ids);
        self.visit_expr(&binary.right);
        self.edits.close(range.end, " } })", &ids);
    }
}

/// Whether a condition is a chain with a `let` in it.
fn holds_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(it) => holds_let(&it.left) || holds_let(&it.right),
        _ => false,
    }
}
