package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"weir/codec/http1"
	"weir/gateway/config"
	"weir/gateway/routing"
)

// routes lists them where there is more to tell than the backends of one.
func routes(cfg *config.Config, w io.Writer) {
	if len(cfg.Routes) == 1 && cfg.Routes[0].Match.Any() {
		return
	}
	fmt.Fprintln(w, "\nRoutes, of which the first that matches is taken:")
	t := newTable(w)
	for _, r := range cfg.Routes {
		t.row(r.Name, r.Match.String())
		t.backends("", r.Config)
		t.row("", "access: "+access(r.Config))
	}
	t.Flush()
}

// A request is one whose route is asked for.
type request struct {
	method string
	url    *url.URL
	path   string // escaped, as it is sent
	fields fields
}

// fields are the header fields it comes with.
type fields http.Header

// Get is nil if there is none, as routing.Fields wants it.
func (f fields) Get(name string) []byte {
	values := http.Header(f).Values(name)
	if values == nil {
		return nil
	}
	return []byte(values[0])
}

func parseRequests(urls, headers []string, method string) ([]request, error) {
	header, err := parseHeader(headers)
	if err != nil {
		return nil, err
	}
	var all []request
	for _, text := range urls {
		u, err := url.Parse(text)
		switch {
		case !strings.Contains(text, "://"):
			return nil, config.Unexpected(text)
		case err != nil || u.Host == "" || !strings.Contains(" ws wss http https ", " "+u.Scheme+" "):
			return nil, fmt.Errorf("%q is not a URL such as wss://HOST/PATH or https://HOST/PATH", withoutQuery(text))
		}
		all = append(all, request{method, u, cmp.Or(u.EscapedPath(), "/"), fields(header)})
	}
	if len(urls) == 0 && len(headers) > 0 {
		return nil, errors.New("--header is of use beside a URL")
	}
	return all, nil
}

// explain says which route the request takes, and why not those before it.
func (r *request) explain(cfg *config.Config, w io.Writer) {
	table, _ := cfg.Table() // Load has checked it
	subject := &routing.Subject{Method: []byte(r.method), Host: []byte(r.url.Host), Path: []byte(r.path), Query: []byte(r.url.RawQuery), Fields: r.fields}
	fmt.Fprintf(w, "\n%s\n", withoutQuery(r.url.String()))
	t := newTable(w)
	defer t.Flush()
	if why := r.malformed(cfg); why != nil {
		t.row("refused", why.Text)
		return
	}
	taken, out := table.Choose(subject)
	if out == routing.Unclear {
		t.row("refused", "a backend could read this path in another way than the routes do")
		return
	}
	lines := table.Explain(subject)
	if out == routing.Taken {
		lines = lines[:taken]
	}
	for i, why := range lines {
		t.row(cfg.Routes[i].Name, "no: "+why)
	}
	if out == routing.Unserved {
		t.row("refused", "no route takes it")
		return
	}
	t.row(cfg.Routes[taken].Name, "taken"+r.then(cfg.Routes[taken].Config))
}

// malformed is why no route is looked for: the request is none.
func (r *request) malformed(cfg *config.Config) *http1.Refusal {
	head := r.method + " " + r.url.RequestURI() + " HTTP/1.1\r\nHost: " + r.url.Host + "\r\n\r\n"
	_, why := new(http1.Request).Parse([]byte(head), http1.Limits{Head: int(cfg.MaxHeaderSize), Fields: cfg.MaxHeaderFields})
	return why
}

// then is what happens to the request on its route.
func (r *request) then(cfg *config.Config) string {
	secure := r.url.Scheme == "wss" || r.url.Scheme == "https"
	plain := strings.HasPrefix(r.url.Scheme, "http")
	switch {
	case cfg.RequireTLS != config.RequireTLSOff && !secure:
		return fmt.Sprintf("; require-tls: %s", cfg.RequireTLS)
	case plain && !cfg.HTTP:
		return "; refused, as http is false"
	}
	if rewrite, _ := cfg.Rewrite(); rewrite != nil {
		if to := rewrite(routing.Normal([]byte(r.path))); to != nil { // in the form in which it is matched
			return "; the backend is asked for " + string(to)
		}
	}
	return ""
}
