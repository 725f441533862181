//! The sheet as a page of HTML.

use zeroize::Zeroizing;

use super::part::SheetPart;
use crate::text::escaped_lines;

/// Black on white, one page of A4 or Letter; a key on one line, in letters that can be told apart.
const STYLE: &str = "@page{margin:12mm}
body{font:10.5pt/1.38 'DejaVu Sans','Helvetica Neue',Arial,sans-serif;color:#000;background:#fff;max-width:186mm;margin:6mm auto}
h1{font-size:17pt;margin:0 0 3mm;border-bottom:1.5pt solid #000}
h2{font-size:12pt;margin:5mm 0 1mm}
p{margin:1.5mm 0}
table{border-collapse:collapse;width:100%;margin:3mm 0}
th{font-weight:bold;text-align:left;vertical-align:top;padding:1mm 3mm 1mm 0;white-space:nowrap}
td{padding:1mm 0;overflow-wrap:anywhere}
td{white-space:pre-wrap}
td,pre{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:9pt}
tr{border-bottom:.3pt solid #999}
pre{margin:1.5mm 0;padding:2mm;background:#f2f2f2;white-space:pre-wrap;overflow-wrap:anywhere}";

pub(super) fn page(parts: &[SheetPart]) -> Zeroizing<String> {
    let mut page = Zeroizing::new(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>pgcoffer recovery \
         sheet</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<h1>pgcoffer recovery sheet</h1>\n"
    ));
    let mut in_table = false;
    for part in parts {
        let is_field = matches!(part, SheetPart::Field(..));
        if is_field != in_table {
            page.push_str(if is_field { "<table>\n" } else { "</table>\n" });
            in_table = is_field;
        }
        match part {
            SheetPart::Heading(text) => push(&mut page, "h2", text),
            SheetPart::Paragraph(text) => push(&mut page, "p", text),
            SheetPart::Commands(commands) => push(&mut page, "pre", &commands.join("\n")),
            SheetPart::Field(name, value) => {
                page.push_str("<tr>");
                push(&mut page, "th", name);
                push(&mut page, "td", value);
                page.push_str("</tr>\n");
            }
        }
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn push(page: &mut String, element: &str, text: &str) {
    page.push_str(&format!("<{element}>"));
    for c in escaped_lines(text).chars() {
        match c {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            c => page.push(c),
        }
    }
    page.push_str(&format!("</{element}>\n"));
}
