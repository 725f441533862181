# Completions of pgcoffer for bash: commands, options, databases of the settings, ids of the bucket.
_pgcoffer() {
    local line=${COMP_LINE:0:COMP_POINT} prefix='' typed value help
    local -a words
    IFS=$' \t\n' read -ra words <<<"$line"
    # a word is about to begin
    [[ $line == *[[:space:]] ]] && words+=('')
    typed=${words[${#words[@]} - 1]}
    # bash takes a colon and an equals sign for the end of a word: what stands before them is not written again
    [[ $typed == *[:=]* && $COMP_WORDBREAKS == *[:=]* ]] && prefix=${typed%"${typed##*[:=]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r value help; do
        # what is in COMPREPLY is written on the line as it is: the name of a file may be a command
        printf -v value %q "${value#"$prefix"}"
        COMPREPLY+=("$value")
    done < <(command pgcoffer complete "$((${#words[@]} - 1))" -- "${words[@]}" 2>/dev/null </dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o default -o nosort -F _pgcoffer pgcoffer 2>/dev/null || complete -o default -F _pgcoffer pgcoffer
