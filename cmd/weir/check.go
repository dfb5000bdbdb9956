package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"weir/gateway/config"
	"weir/gateway/plan"
	"weir/upstream"
)

// check says what would run, where each value that is not a default came from, and which routes the URLs among the
// arguments take. It says all that a start would say, of files and names if it is asked to.
func check(args []string, p program) int {
	flags := config.Flags()
	headers := flags.StringArrayP("header", "H", nil, "`'NAME: VALUE'` of the request that a URL stands for")
	method := flags.StringP("method", "X", http.MethodGet, "`METHOD` of that request")
	files := flags.Bool("files", false, "open all files")
	resolve := flags.Bool("resolve", false, "look all names up")
	other := flags.String("diff", "", "`FILE` to compare with: say what a reload with it in the place of the file of config would change")
	cfg, exit := p.loaded(config.LoadFlags(flags, args, p.environ))
	if cfg == nil {
		return exit
	}
	if *other != "" {
		return p.compare(cfg, *other, args)
	}
	requests, err := parseRequests(flags.Args(), *headers, *method)
	if err != nil {
		return p.misused(err)
	}
	warnings := cfg.Warnings()
	var found []host
	var inFiles, inNames error
	if *files {
		var more []string
		more, inFiles = plan.CheckFiles(cfg)
		warnings = append(warnings, more...)
	}
	if *resolve {
		found, inNames = lookUp(names(cfg), upstream.DefaultResolver)
	}
	if err := errors.Join(inFiles, inNames); err != nil {
		return p.failed(err)
	}
	good(warnings, p.stdout)
	t := newTable(p.stdout)
	t.row("listen", cmp.Or(strings.Join(cfg.Listen, ", "), "off"))
	if len(cfg.TLSListen) > 0 {
		t.row("with TLS", fmt.Sprintf("%s; %s", strings.Join(cfg.TLSListen, ", "), certificates(cfg)))
	}
	t.row("admin", cfg.Admin)
	t.row("loops", orElse(cfg.Loops, "one per core"))
	if single := len(cfg.Routes) == 1 && cfg.Routes[0].Match.Any(); single {
		t.backends("backends", cfg.Routes[0].Config)
		t.row("access", access(cfg.Routes[0].Config))
	} else {
		t.row("routes", fmt.Sprintf("%d, see below", len(cfg.Routes)))
	}
	t.row("hash on", hashing(cfg))
	t.row("health", health(cfg))
	t.row("limits", limits(cfg))
	t.row("timeouts", fmt.Sprintf("handshake %v, connect %v, backend %v, idle %s, ping %s, drain %v",
		cfg.HandshakeTimeout, cfg.ConnectTimeout, cfg.BackendTimeout,
		orElse(cfg.IdleTimeout, "never"), orElse(cfg.PingInterval, "never"), cfg.DrainTimeout))
	t.Flush()
	routes(cfg, p.stdout)
	addresses(found, p.stdout)
	given(cfg, p.stdout)
	for _, r := range requests {
		r.explain(cfg, p.stdout)
	}
	return exitOK
}

// compare says what a reload would change if the file of the configuration were another one.
func (p program) compare(cfg *config.Config, file string, args []string) int {
	flags := config.Flags()
	flags.StringArrayP("header", "H", nil, "")
	flags.Bool("files", false, "")
	flags.Bool("resolve", false, "")
	flags.String("diff", "", "")
	next, exit := p.loaded(config.LoadFlags(flags, append(slices.Clone(args), "--config", file), p.environ))
	if next == nil {
		return exit
	}
	d := cfg.Diff(next)
	for _, line := range d.Lines() {
		fmt.Fprintln(p.stdout, line)
	}
	if d.Empty() {
		fmt.Fprintln(p.stdout, "The two say the same.")
	}
	return exitOK
}

func good(warnings []string, w io.Writer) {
	fmt.Fprintln(w, "The configuration is good.")
	for _, text := range warnings {
		fmt.Fprintln(w, "Warning:", text)
	}
}

type table struct{ *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

func (t table) row(name, text string) { fmt.Fprintf(t, "  %s\t%s\n", name, text) }

func (t table) backends(name string, cfg *config.Config) {
	specs, _ := cfg.Backends() // Load has checked them
	lines := shares(specs, len(cfg.UpstreamFile) > 0)
	for _, file := range cfg.UpstreamFile {
		lines = append(lines, "those that "+file+" lists")
	}
	if cfg.Demo {
		lines = []string{"an echo server inside"}
	}
	for _, line := range lines {
		t.row(name, line)
		name = ""
	}
	plain, _ := cfg.HTTPBackends()
	for _, line := range shares(plain, false) {
		t.row("", "plain HTTP: "+line)
	}
}

// shares tells what each backend gets of the sessions, where that is known: how many backends stand behind a service, or come
// from elsewhere, is not.
func shares(specs []upstream.Spec, others bool) []string {
	total := 0
	for _, s := range specs {
		total += s.Weight
		others = others || s.Source != upstream.SourceAddress
	}
	var lines []string
	for _, s := range specs {
		weight := s.Weight
		s.Weight = 1
		switch {
		case s.Source == upstream.SourceSRV:
			s.Weight = weight
			lines = append(lines, s.String()+", those of its SRV records")
			continue
		case s.Source == upstream.SourceKubernetes:
			s.Weight = weight
			lines = append(lines, s.String()+", those of its EndpointSlices")
			continue
		case others:
			lines = append(lines, fmt.Sprintf("%s, weight %d", s, weight))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s, weight %d (%.1f%%)", s, weight, 100*float64(weight)/float64(total)))
	}
	return lines
}

func certificates(cfg *config.Config) string {
	text := fmt.Sprintf("certificates from files: %d", len(cfg.TLSCert))
	if len(cfg.ACMEDomain) > 0 {
		text += ", ACME for " + strings.Join(cfg.ACMEDomain, ", ")
	}
	return fmt.Sprintf("%s; TLS %s to %s; client certificates: %s, sites apart: %d",
		text, cfg.TLSMinVersion, cfg.TLSMaxVersion, cfg.TLSClientAuth, len(cfg.Sites))
}

// access tells who is let in, so that authentication that is not there is seen.
func access(cfg *config.Config) string {
	var ways []string
	if cfg.JWTKeys != "" || cfg.JWTJWKSURL != "" {
		ways = append(ways, "JWT "+strings.Join(cfg.JWTAlgorithm, " "))
	}
	if cfg.BasicUsers != "" {
		ways = append(ways, "name and password")
	}
	if cfg.APIKeys != "" {
		ways = append(ways, "API key")
	}
	if cfg.AuthURL != "" {
		ways = append(ways, "the service of auth-url")
	}
	text := cmp.Or(strings.Join(ways, ", "), "everyone")
	if cfg.AuthOptional && ways != nil {
		text += ", optional"
	}
	if cfg.Networks() != nil {
		text += "; not from every address"
	}
	return text
}

func hashing(cfg *config.Config) string {
	if cfg.BalanceFactor == 0 {
		return fmt.Sprintf("%s, loads not bounded", cfg.HashOn)
	}
	return fmt.Sprintf("%s, loads up to %g times the fair share", cfg.HashOn, cfg.BalanceFactor)
}

func health(cfg *config.Config) string {
	if cfg.HealthInterval == 0 {
		return "no checks"
	}
	how := "TCP connect"
	if cfg.HealthPath != "" {
		how = "GET " + cfg.HealthPath
	}
	return fmt.Sprintf("%s every %v, up after %d good, down after %d bad",
		how, cfg.HealthInterval, cfg.HealthRise, cfg.HealthFall)
}

func limits(cfg *config.Config) string {
	return fmt.Sprintf("connections %s, per address %s; head %s, %d fields; message %s, frame %s; queued %s",
		orElse(cfg.MaxConnections, "as open files allow"), orElse(cfg.MaxConnectionsPerIP, "any"),
		cfg.MaxHeaderSize, cfg.MaxHeaderFields,
		orElse(cfg.MaxMessageSize, "any"), orElse(cfg.MaxFrameSize, "any"), cfg.HighWater)
}

// orElse is a number as text, or what its zero means.
func orElse[T int | config.Size | time.Duration](n T, zero string) string {
	if n == 0 {
		return zero
	}
	return fmt.Sprint(n)
}

func given(cfg *config.Config, w io.Writer) {
	settings := cfg.Given()
	if len(settings) == 0 {
		return
	}
	fmt.Fprintln(w, "\nGiven, and where:")
	t := newTable(w)
	for _, s := range settings {
		value := strings.ReplaceAll(s.Value, "\n", " | ")
		if s.By != "" {
			value += " (overridden by " + s.By + ")"
		}
		t.row(s.Place, value)
	}
	t.Flush()
}
