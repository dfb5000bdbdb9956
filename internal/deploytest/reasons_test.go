package deploytest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"weir/codec/deflate"
	"weir/codec/frame"
	"weir/codec/http1"
	"weir/codec/json"
	"weir/codec/proxyproto"
	"weir/gateway/auth"
	"weir/gateway/certs"
)

const top = "../../"

// reasonsInCode maps every name of a refusal or a close to the HTTP status or close code that goes with it, where
// one always does; else to "". "none" says that there is no answer.
func reasonsInCode(t *testing.T) map[string]string {
	t.Helper()
	reasons := map[string]string{}
	for _, room := range []string{"gateway/reasons", "gateway/web", "upstream"} {
		files, err := filepath.Glob(top + room + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no files of %s: %v", room, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool { return collect(reasons, n, parsed.Name.Name == "reasons") })
		}
	}
	for _, r := range slices.Concat(http1.Refusals, auth.Refusals) {
		reasons[r.Reason] = strconv.Itoa(r.Status)
	}
	for _, v := range slices.Concat(frame.Violations(), deflate.Faults, json.Faults) {
		reasons[v.Reason] = strconv.Itoa(int(v.Code))
	}
	for _, f := range proxyproto.Faults {
		reasons[f.Reason] = "none"
	}
	return reasons
}

// handshakeFailures are the reasons for which TLS does not come to stand, which have a metric of their own.
func handshakeFailures() map[string]bool {
	failures := map[string]bool{}
	for _, reason := range certs.Reasons {
		failures[reason] = true
	}
	return failures
}

// collect takes constants that are called reasonX, or all, and the Reason of refusals with the Status beside it. Faults of
// HTTP/2 are told by a metric of their own.
func collect(reasons map[string]string, n ast.Node, all bool) bool {
	switch n := n.(type) {
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if (all || strings.HasPrefix(name.Name, "reason")) && i < len(n.Values) && literal(n.Values[i]) != "" {
				reasons[literal(n.Values[i])] += "" // keeps what a refusal of the same name says
			}
		}
	case *ast.CompositeLit:
		if kind, ok := n.Type.(*ast.SelectorExpr); !ok || kind.Sel.Name != "Refusal" {
			return true
		}
		fields := map[string]string{}
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if key, ok := kv.Key.(*ast.Ident); ok {
					fields[key.Name] = literal(kv.Value)
				}
			}
		}
		if reason := fields["Reason"]; reason != "" {
			reasons[reason] = fields["Status"]
		}
	}
	return true
}

// literal is the value of a string or a number written in the code, else "".
func literal(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		return ""
	}
	if text, err := strconv.Unquote(lit.Value); err == nil {
		return text
	}
	return lit.Value
}

// TestReasonsAreSeries: each is there before it happens, or rate() does not see that it does.
func TestReasonsAreSeries(t *testing.T) {
	text := exposed(t)
	for reason, answer := range reasonsInCode(t) {
		told := strings.Contains(text, `{reason="`+reason+`"`)
		if status, err := strconv.Atoi(answer); err == nil && status < 1000 { // it may be the reason of a session's end as well
			told = strings.Contains(text, `weir_sessions_refused_total{reason="`+reason+`"`) || strings.Contains(text, `weir_http_failures_total{reason="`+reason+`"`)
		}
		if !told {
			t.Errorf("/metrics has no series for %s before its first event", reason)
		}
	}
}
