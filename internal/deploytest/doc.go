// Package deploytest holds deploy/ and the manual (README.md, docs/) against the code: what they show loads, parses or runs,
// links lead somewhere, pages keep their size, what a dashboard or an alert asks for is what a running gateway tells, and
// docs/reference/ is what the definitions say.
//
// How an example is tested is told by the language of its block:
//
//	yaml, first line "# weir.yaml"   a whole configuration: weir check
//	yaml                             YAML; objects of Kubernetes and Compose files are read strictly (internal/manifests), and a
//	                                 ConfigMap's weir.yaml and a Compose service's command are checked, too
//	sh                               lines that begin with weir: their flags are parsed; curl to the admin listener: the path exists
//	sh, first line "# run"           run in an empty folder, see below
//	nginx, haproxy, systemd          by the program's own check
//	js, html, python, go, json       parsed; js and python with a first line "// run" or "# run" are run
//	text, console, others            output or files of other tools: not looked at
//
// What is run has bin/weir on its PATH, a network of its own with loopback alone, and in its folder all earlier blocks of the
// page whose first line is a comment that holds a file's name, a certificate (a.pem, a.key), and what testdata/ has for the page: stand-ins
// for servers that neither Debian nor npm has.
//
// Recipes about other proxies are tested beyond that: one client session goes through the peer's configuration and through
// Weir's, and both sides must see the same (beside_test.go); each line of the peer's has a row in the page's table (lines_test.go).
package deploytest
