# Plays a session through a peer and through Weir on the addresses and ports of the page, one after the other.
# run.sh PATH FIELDS PEER...: FIELDS is a comma separated list, PEER the peer's command line.
path=$1 fields=$(echo "$2" | tr , ' ')
shift 2
for i in 1 2 3 9; do ip addr add 10.0.0.$i/32 dev lo; done
node backend.mjs & backend=$!

play() { # play OUTPUT COMMAND...
	output=$1; shift
	"$@" & proxy=$!
	until curl --silent --insecure --output answer.txt "https://127.0.0.1${path}page"; do
		kill -0 $proxy || exit 1
		sleep 0.1
	done
	# shellcheck disable=SC2086 # the fields are words
	node session.mjs "$path" $fields >"$output" || { cat "$output"; exit 1; }
	kill $proxy
	wait $proxy || true
}
until curl --silent --output answer.txt http://10.0.0.1:8080/; do sleep 0.1; done
play peer.txt "$@"
play weir.txt weir --config weir.yaml --admin off
cat weir.txt
diff peer.txt weir.txt
