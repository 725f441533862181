# Completions of pgcoffer for fish: commands, options, databases of the settings, ids of the bucket.
function __pgcoffer_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l typed (commandline --current-token --cut-at-cursor)
    command pgcoffer complete (count $words) -- $words "$typed" 2>/dev/null </dev/null
end
complete --keep-order --exclusive --command pgcoffer --arguments '(__pgcoffer_complete)'
