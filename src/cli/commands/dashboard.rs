//! `dashboard`: what signs people in to the dashboard of `serve`.

use std::io::IsTerminal as _;

use clap::{Args, Subcommand};
use dialoguer::Password;
use pgcoffer::{
    Error, Result,
    config::{self, Config},
    dashboard::{LINK_MINUTES, TokenScope, check_password, new_token, open_link, password_hash},
};
use serde_json::json;
use zeroize::Zeroizing;

use super::keygen::read_line;
use crate::cli::{output::Output, screen::note};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum DashboardCommand {
    /// Print the hash of a password, for PGCOFFER_DASHBOARD_OPERATOR_HASH or PGCOFFER_DASHBOARD_VIEWER_HASH
    Password,
    /// Make a token for a program that uses the API, and print it once, with what PGCOFFER_DASHBOARD_TOKENS takes
    Token(TokenArgs),
    /// Print a link that opens the dashboard once, as an operator, within minutes
    Open,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TokenArgs {
    /// The name under which the program acts, such as ci
    #[arg(long)]
    name: String,
    /// What it may do: read to look, act to back up, hold, delete and so on as well
    #[arg(long, value_parser = ["read", "act"])]
    scope: String,
}

/// Makes a token, and prints it with the entry of the setting.
pub(in crate::cli) fn dashboard_token(args: &TokenArgs, json: bool) -> Result<()> {
    let scope = TokenScope::parse(&args.scope).unwrap_or(TokenScope::Read);
    let made = new_token(&args.name, scope)?;
    let (token, entry) = (made.token.reveal(), &made.entry);
    if json {
        return Output { json }.print_json(&json!({ "token": token, "entry": entry }));
    }
    crate::cli::screen::print(format!("{token}\nPGCOFFER_DASHBOARD_TOKENS={entry}\n"))?;
    if std::io::stdout().is_terminal() {
        note(
            "\nThe first line is for the program alone, which sends it as `Authorization: Bearer …`: it is kept \
             nowhere, and is not shown again.\nThe second one is for `serve`. Several entries have spaces between them.",
        );
    }
    Ok(())
}

/// Asks for a password on a terminal, or reads it from standard input, and prints its hash.
pub(in crate::cli) fn dashboard_password(json: bool) -> Result<()> {
    let hash = password_hash(&password()?)?;
    if json {
        return Output { json }.print_json(&json!({ "hash": hash }));
    }
    crate::cli::screen::print(format!("{hash}\n"))?;
    if std::io::stdout().is_terminal() {
        note(
            "\nSet it as PGCOFFER_DASHBOARD_OPERATOR_HASH for who may act, or as PGCOFFER_DASHBOARD_VIEWER_HASH for who \
             may look,\nin single quotes, as it has dollar signs. The password itself is kept nowhere.",
        );
    }
    Ok(())
}

/// Prints a link to the dashboard.
pub(in crate::cli) fn dashboard_open(config: &Config, json: bool) -> Result<()> {
    let link = open_link(config)?;
    if json {
        return Output { json }.print_json(&json!({ "link": link, "minutes": LINK_MINUTES }));
    }
    crate::cli::screen::print(format!("{link}\n"))?;
    // also to a person whose program takes the link
    if std::io::stdout().is_terminal() || std::io::stderr().is_terminal() {
        note(&format!(
            "\nIt opens once, within {LINK_MINUTES} minutes: whoever has it may act as an operator."
        ));
    }
    Ok(())
}

/// What is wrong with an answer, and the cure.
fn fault_and_cure(error: &Error) -> String {
    let hint = error.hint().map_or_else(String::new, |hint| format!(": {hint}"));
    format!("{error}{hint}")
}

fn password() -> Result<Zeroizing<String>> {
    let failed = |source| Error::Io {
        doing: "read the password".to_owned(),
        source,
    };
    if std::io::stdin().is_terminal() {
        let asked = Password::new()
            .with_prompt("Password (not shown)")
            // before it is typed once more
            .validate_with(|password: &String| check_password(password).map_err(|error| fault_and_cure(&error)))
            .with_confirmation("Once more", "They differ")
            .interact();
        return asked
            .map(Zeroizing::new)
            .map_err(|dialoguer::Error::IO(source)| failed(source));
    }
    let line = read_line().map_err(failed)?;
    Ok(Zeroizing::new(config::trimmed(&line).to_owned()))
}
