//! Of setting up, and of what keeps, deletes and moves backups.

use super::Of;

pub(super) const EXAMPLES: &[Of] = &[
    (
        "init",
        &[
            ("pgcoffer init", "asks for everything, on a terminal"),
            (
                "pgcoffer init --yes --database main=env:DATABASE_URL --bucket s3://your-bucket/backups --key-stored \
                 --output dotenv --write pgcoffer.env",
                "asks nothing; the new key stands in pgcoffer.env, which is put away at once",
            ),
        ],
    ),
    (
        "keygen",
        &[
            (
                "pgcoffer keygen > pgcoffer.key",
                "a new key, in a file; keep a copy elsewhere",
            ),
            (
                "pgcoffer keygen --words",
                "a passphrase that can be written down by hand",
            ),
            (
                "pgcoffer keygen --catalog",
                "the catalog key of the key that is set, for a monitor",
            ),
        ],
    ),
    (
        "check",
        &[
            ("pgcoffer check", "everything, of all databases"),
            (
                "pgcoffer check shop --fix-sql > role.sql",
                "the SQL for a role that may read everything and write nothing",
            ),
            (
                "pgcoffer check --notify",
                "sends a test to everybody who is told of backups",
            ),
        ],
    ),
    (
        "policy",
        &[
            (
                "pgcoffer policy --place offsite",
                "of another place; of a server the line of its authorized_keys",
            ),
            ("pgcoffer policy > policy.json", "for the agent's credentials"),
            ("pgcoffer policy --mode restore", "for a person who restores"),
        ],
    ),
    (
        "completions",
        &[
            (
                "pgcoffer completions bash > ~/.local/share/bash-completion/completions/pgcoffer",
                "bash, with its package bash-completion",
            ),
            ("source <(pgcoffer completions bash)", "bash without it: into ~/.bashrc"),
            (
                "source <(pgcoffer completions zsh)",
                "zsh: into ~/.zshrc, behind compinit",
            ),
            (
                "pgcoffer completions fish > ~/.config/fish/completions/pgcoffer.fish",
                "fish",
            ),
        ],
    ),
    (
        "man",
        &[
            ("pgcoffer man restore | man -l -", "shows the page of one command"),
            (
                "pgcoffer man --dir ~/.local/share/man/man1",
                "writes all of them where `man` finds them",
            ),
        ],
    ),
    (
        "prune",
        &[
            (
                "pgcoffer prune --dry-run",
                "what would be deleted, and why each backup stays or goes",
            ),
            ("pgcoffer prune shop", "of one database"),
        ],
    ),
    (
        "delete",
        &[
            (
                "pgcoffer delete 43h5qd --dry-run",
                "what would be deleted, and what is left then",
            ),
            (
                "pgcoffer delete 43h5qd",
                "one backup, by the short id that `list` shows; asks first",
            ),
        ],
    ),
    (
        "retain",
        &[
            (
                "pgcoffer retain 43h5qd 12mo",
                "kept for twelve months from when it was made",
            ),
            (
                "pgcoffer retain latest:monthly forever --by ada",
                "kept until somebody deletes it",
            ),
        ],
    ),
    (
        "hold",
        &[(
            "pgcoffer hold latest --reason 'before the move'",
            "stays whatever its retention says",
        )],
    ),
    (
        "release",
        &[(
            "pgcoffer release 20261120T070000Z-abcdefghij23",
            "goes by its retention again",
        )],
    ),
    (
        "accept",
        &[(
            "pgcoffer accept 20261120T070000Z-abcdefghij23",
            "counts as good: the rows were deleted on purpose",
        )],
    ),
    (
        "lifecycle",
        &[("pgcoffer lifecycle show", "the rules that the bucket has")],
    ),
    (
        "lifecycle show",
        &[("pgcoffer lifecycle show", "every rule, and whose it is")],
    ),
    (
        "lifecycle plan",
        &[
            (
                "pgcoffer lifecycle plan --cold 'monthly to glacier after 30d'",
                "what it would cost, and what would change",
            ),
            (
                "pgcoffer lifecycle plan --expire --keep 'daily 7d, monthly 12mo'",
                "S3 itself deletes",
            ),
        ],
    ),
    (
        "lifecycle apply",
        &[(
            "pgcoffer lifecycle apply --cold 'monthly to glacier after 30d'",
            "puts the rules into the bucket",
        )],
    ),
    ("version", &[("pgcoffer version", "the same as --version")]),
];
