//! The sheet as a page of HTML.

use zeroize::Zeroizing;

use super::part::SheetPart;
use crate::text::html_escaped;

/// Black on white, one page of A4 or Letter; a key on one line, in letters that can be told apart.
const STYLE: &str = "@page{margin:8mm 12mm}
body{font:9pt/1.3 'DejaVu Sans','Helvetica Neue',Arial,sans-serif;color:#000;background:#fff;max-width:186mm;\
margin:0 auto}
h1{font-size:15pt;margin:0 0 2mm;border-bottom:1.5pt solid #000}
h2{font-size:10.5pt;margin:2mm 0 .5mm}
p{margin:1mm 0}
table{border-collapse:collapse;width:100%;margin:1.5mm 0;clear:both}
th{font-weight:bold;text-align:left;vertical-align:top;padding:.3mm 3mm .3mm 0;white-space:nowrap}
td{padding:.3mm 0;overflow-wrap:anywhere}
td{white-space:pre-wrap}
td,pre{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:8.5pt}
tr{border-bottom:.3pt solid #999;break-inside:avoid}
.codes{float:right;display:flex;flex-wrap:wrap;justify-content:flex-end;gap:2mm;max-width:104mm;margin:-3mm 0 0 4mm}
figure{margin:0;text-align:center;break-inside:avoid}
figcaption{font-size:8pt;margin-top:-3mm}
pre{line-height:1.2;margin:1mm 0;padding:1.5mm;background:#f2f2f2;white-space:pre-wrap;overflow-wrap:anywhere;break-inside:avoid}";

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
            SheetPart::Codes(codes) => {
                page.push_str("<div class=\"codes\">\n");
                for (name, code) in codes {
                    page.push_str("<figure>");
                    page.push_str(&code.svg());
                    push(&mut page, "figcaption", &format!("{name}, for a camera"));
                    page.push_str("</figure>\n");
                }
                page.push_str("</div>\n");
            }
        }
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn push(page: &mut String, element: &str, text: &str) {
    let text = Zeroizing::new(html_escaped(text));
    page.push_str(&format!("<{element}>"));
    page.push_str(&text);
    page.push_str(&format!("</{element}>\n"));
}
