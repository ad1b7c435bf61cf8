# Completion of licwrap for bash: its options before --, the tool and its arguments after it.
_licwrap() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} at
    for ((at = 1; at < COMP_CWORD; at++)); do
        if [[ ${COMP_WORDS[at]} == -- ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((at + 1))
            else
                mapfile -t COMPREPLY < <(compgen -c -- "$current")
            fi
            return
        fi
    done
    case $previous in
        -f)
            local tools
            tools=$(command ls /run/licmon/tools 2>/dev/null)
            mapfile -t COMPREPLY < <(compgen -W "$tools" -- "$current")
            ;;
        -E | -P | --denied-exit | --requeue) COMPREPLY=() ;;
        *) mapfile -t COMPREPLY < <(compgen -W '-f -w -w= -n -E -P -v --supervise --denied-exit --requeue --explain --help --version --' -- "$current") ;;
    esac
}
complete -F _licwrap licwrap
