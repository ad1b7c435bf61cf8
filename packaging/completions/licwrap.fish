# Completion of licwrap for fish: its options before --, the tool and its arguments after it.
function __licwrap_before_tool
    not contains -- -- (commandline -opc)
end
function __licwrap_tool
    set -l words (commandline -opc) (commandline -ct)
    set -l at (contains -i -- -- $words)
    and complete -C (string join ' ' -- (string escape -- $words[(math $at + 1)..-1]))
end
complete -c licwrap -f
complete -c licwrap -n 'not __licwrap_before_tool' -a '(__licwrap_tool)'
complete -c licwrap -n __licwrap_before_tool -s f -x -a '(path basename /run/licmon/tools/* 2>/dev/null)' -d 'take seats of this feature'
complete -c licwrap -n __licwrap_before_tool -s w -d 'wait for a seat'
complete -c licwrap -n __licwrap_before_tool -s n -d 'do not wait'
complete -c licwrap -n __licwrap_before_tool -s E -x -d 'exit with this code when there is no seat'
complete -c licwrap -n __licwrap_before_tool -s P -x -d 'name the project this run belongs to'
complete -c licwrap -n __licwrap_before_tool -s v -d 'tell on standard error what happens'
complete -c licwrap -n __licwrap_before_tool -l supervise -d 'stay as parent of the tool, and record how it ended'
complete -c licwrap -n __licwrap_before_tool -l denied-exit -x -d 'exit statuses by which the tool says that it got no license'
complete -c licwrap -n __licwrap_before_tool -l requeue -x -d 'then wait and run the tool again, at most so often'
complete -c licwrap -n __licwrap_before_tool -l explain -d 'tell what would come of it, and why'
complete -c licwrap -n __licwrap_before_tool -l help -d 'print a summary of the options'
complete -c licwrap -n __licwrap_before_tool -l version -d 'print the version'
complete -c licwrap -n __licwrap_before_tool -a '--' -d 'the tool follows'
