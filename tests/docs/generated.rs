//! Parts of pages that are written from the code, between `<!-- NAME -->` and `<!-- end of NAME -->`: they have to say
//! what the code says. `INSTA_UPDATE=always` writes them anew.

use pgcoffer::{
    config::{DefaultValue, SECTIONS, SECTIONS_OF_OTHERS},
    exit_status::ExitStatus,
};

use crate::testbed::project;

/// Holds the part of a page against what it should be.
#[track_caller]
fn assert_part(page: &str, name: &str, wanted: &str) {
    let path = project().join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("{page} has no {begin}"));
    let (part, behind) = rest.split_once(&end).unwrap_or_else(|| panic!("{page} has no {end}"));
    if part == wanted {
        return;
    }
    let anew = std::env::var("INSTA_UPDATE").as_deref() == Ok("always");
    assert!(
        anew,
        "{page} should have, between {begin}and {end}:\n{wanted}\nINSTA_UPDATE=always writes it"
    );
    std::fs::write(&path, format!("{before}{begin}{wanted}{end}{behind}")).unwrap();
}

#[test]
fn the_page_of_settings_says_what_the_table_says() {
    let mut text = String::new();
    for section in SECTIONS {
        text.push_str(&format!(
            "\n### {}\n\n| variable | meaning | default |\n|---|---|---|\n",
            section.title
        ));
        for setting in section.settings {
            let default = match setting.default {
                DefaultValue::Text(default) => format!("`{default}` "),
                DefaultValue::Described(default) => format!("{default} "),
                DefaultValue::None => String::new(),
            };
            text.push_str(&format!("| `{}` | {} | {default}|\n", setting.name, setting.doc));
        }
    }
    for section in SECTIONS_OF_OTHERS {
        text.push_str(&format!(
            "\n### {}\n\n| variables | meaning |\n|---|---|\n",
            section.title
        ));
        for variable in section.variables {
            let names: Vec<String> = variable.names.iter().map(|name| format!("`{name}`")).collect();
            text.push_str(&format!("| {} | {} |\n", names.join(", "), variable.doc));
        }
    }
    assert_part("docs/configuration.md", "settings", &format!("{text}\n"));
}

#[test]
fn the_page_of_commands_lists_every_exit_status() {
    let mut text = "\n| status | meaning |\n|---|---|\n".to_owned();
    for status in ExitStatus::ALL {
        text.push_str(&format!("| {} | {} |\n", status.number(), status.doc()));
    }
    assert_part("docs/commands.md", "exit statuses", &format!("{text}\n"));
}
