//! The report as one HTML file: no script, no reference to anything outside, all text escaped.

use std::fmt::Write as _;

use super::{Kind, ReleaseReport, SsdfReport};
use crate::console;

/// The page.
pub(super) fn page(report: &SsdfReport) -> String {
    let framework = &report.framework;
    let mut page = HEAD.to_owned();
    let _ = write!(
        page,
        "<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <p>{}</p>\n<dl>\n<dt>As of</dt><dd>{}</dd>\n<dt>Archive</dt><dd>{}</dd>\n\
         <dt>Verified as signed by</dt><dd><code>{}</code></dd>\n<dt>Answer</dt><dd>{}</dd>\n</dl>\n",
        escape(&format!(
            "Status: {}. {}",
            framework.status, framework.remarks
        )),
        report.now.time,
        escape(&report.archive),
        escape(&report.signer),
        report.exit().word(),
        title = escape(&framework.title),
    );
    for release in &report.releases {
        of_release(&mut page, report, release);
    }
    page.push_str(
        "<p>Evidence that is kept does not show that a practice is followed. Only what is called \
         verified was verified; what is called claimed counts for nothing.</p>\n</body>\n</html>\n",
    );
    page
}

fn of_release(page: &mut String, report: &SsdfReport, release: &ReleaseReport) {
    let commit = match &release.commit {
        Ok(commit) => format!("built from <code>{}</code>", escape(commit)),
        Err(why) => format!("built from no commit that is proven: {}", escape(why)),
    };
    let _ = write!(
        page,
        "<h2>{}</h2>\n<p>Manifest <code>{}</code>, {commit}</p>\n<table>\n<thead><tr><th>Task</th>\
         <th>Evidence</th><th>State</th><th>Where</th><th>Digest</th></tr></thead>\n",
        escape(&release.name),
        escape(&release.manifest),
    );
    for task in &report.framework.tasks {
        let state = release.state(task).name();
        let _ = write!(
            page,
            "<tbody>\n<tr><th scope=\"rowgroup\" colspan=\"5\"><b>{}</b> <span class=\"{state}\">{state}</span> {} \
             <small>{}</small></th></tr>\n",
            escape(&task.id),
            escape(&task.words),
            escape(&task.limits),
        );
        for kind in task.needs.iter().chain(&task.also) {
            of_kind(page, release, *kind, task.needs.contains(kind));
        }
        page.push_str("</tbody>\n");
    }
    page.push_str("</table>\n");
}

fn of_kind(page: &mut String, release: &ReleaseReport, kind: Kind, is_needed: bool) {
    let found = release.of(kind);
    if found.is_empty() && is_needed {
        let _ = writeln!(
            page,
            "<tr><td></td><td>{}</td><td class=\"missing\">missing</td><td></td><td></td></tr>",
            escape(kind.words()),
        );
    }
    for one in found {
        let state = one.state.name();
        let _ = writeln!(
            page,
            "<tr><td></td><td>{}</td><td class=\"{state}\">{state}</td><td>{} <small>{}</small></td><td><code>{}</code></td></tr>",
            escape(kind.words()),
            escape(&one.place),
            escape(&one.detail),
            escape(&one.digest),
        );
    }
}

/// Text as HTML shows it: nothing in it is an element, an attribute or invisible.
fn escape(text: &str) -> String {
    let mut shown = String::new();
    for character in console::escape(text).chars() {
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            other => shown.push(other),
        }
    }
    shown
}

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
    <meta name=\"viewport\" content=\"width=device-width\">\n";

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:80rem;margin:2rem auto;padding:0 1rem}\
    table{border-collapse:collapse;width:100%}td,th{border:1px solid #bbb;padding:.3rem .5rem;text-align:left;\
    vertical-align:top;font-weight:normal}code{overflow-wrap:anywhere}small{color:#555}\
    .complete,.verified{color:#060}.incomplete,.claimed{color:#850}.missing{color:#a00}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_an_element() {
        assert_eq!(
            escape("<script>\"&'\u{1b}\u{202e}"),
            "&lt;script&gt;&quot;&amp;&#39;\\u{1b}\\u{202e}"
        );
    }
}
