package config

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"

	"weir/internal/watch"
)

// A document is a YAML file of knobs. It is read as nodes rather than values, as these know their line and the text as
// written.
type document struct {
	*loader
	path string
}

// maxFile bounds the file, in bytes: some tens of thousands of routes.
const maxFile = 16 << 20

// file takes what is well in a file; what is not goes to the problems.
func (l *loader) file(path, place string) {
	text, err := watch.Read(path, maxFile)
	if err != nil {
		l.wrong(place, "%w", err)
		return
	}
	l.merged.sum = sha256.Sum256(text)
	document{l, path}.read(text)
}

// FileSum is the hash of a file's content; zero for one that cannot be read.
type FileSum [sha256.Size]byte

// SumOf reads a file and gives its hash.
func SumOf(path string) FileSum {
	text, err := watch.Read(path, maxFile)
	if err != nil {
		return FileSum{}
	}
	return sha256.Sum256(text)
}

// FileSum is the hash of the file that c was read from; zero if there was none.
func (c *Config) FileSum() FileSum { return c.sum }

func (d document) read(text []byte) {
	var root yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF): // an empty file
		return
	case err != nil:
		d.badSyntax(err, text)
		return
	}
	if !errors.Is(decoder.Decode(new(yaml.Node)), io.EOF) {
		d.wrong(d.path, "holds a second document; put all knobs into one")
		return
	}
	top := root.Content[0]
	if top.Kind != yaml.MappingNode {
		d.wrong(d.line(top.Line), "not a list of \"knob: value\" lines")
		return
	}
	section{document: d}.each(top, func(place string, key, value *yaml.Node) {
		switch key.Value {
		case routesKey:
			d.readRoutes(place, value)
		case sitesKey:
			d.readSites(place, value)
		default:
			d.knob(place, key.Value, value)
		}
	})
}

// knob takes a line of the top level.
func (d document) knob(place, key string, value *yaml.Node) {
	k := find(key)
	switch {
	case k == nil:
		d.wrong(place, "no such knob%s", suggest(key, append(spelled(knobs, (*knob).key), routesKey, sitesKey)))
		return
	case k.name == "config":
		d.wrong(place, "a file cannot name another; use --config or WEIR_CONFIG")
		return
	}
	texts, err := nodeTexts(value, k.isList())
	if err != nil {
		d.wrong(place, "%w", err)
		return
	}
	d.take(k, place, texts...)
}

// quoteIt helps with header rules above all.
const quoteIt = "YAML takes ': ' for the end of a key, so put quotes around a value that holds it"

// nodeTexts is the text of a scalar or, where a list is taken, those of its elements.
func nodeTexts(n *yaml.Node, list bool) ([]string, error) {
	switch n = resolve(n); {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return nil, errors.New("no value; give one or take the line away")
	case n.Kind == yaml.ScalarNode:
		return []string{n.Value}, nil
	case n.Kind == yaml.SequenceNode && list:
		texts := []string{}
		for _, element := range n.Content {
			element = resolve(element)
			if element.Kind != yaml.ScalarNode || element.Tag == "!!null" {
				return nil, fmt.Errorf("line %d is not one text; %s", element.Line, quoteIt)
			}
			texts = append(texts, element.Value)
		}
		return texts, nil
	case n.Kind == yaml.SequenceNode:
		return nil, errors.New("takes one value, not a list")
	}
	return nil, errors.New("takes a value, not keys below it; " + quoteIt)
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func (d document) line(n int) string { return fmt.Sprintf("%s:%d", d.path, n) }

var (
	yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)
	tabbed    = regexp.MustCompile(`^[ -]*\t`)
)

func (d document) badSyntax(err error, text []byte) {
	m := yamlError.FindStringSubmatch(err.Error())
	if m == nil {
		d.wrong(d.path, "%w", err)
		return
	}
	place, n := d.path, 1
	if m[1] != "" {
		n, _ = strconv.Atoi(m[1])
		place = d.line(n)
	}
	if lines := bytes.Split(text, []byte{'\n'}); n <= len(lines) && tabbed.Match(lines[n-1]) {
		d.wrong(d.line(n), "is indented with a tab, which YAML does not allow; write spaces")
		return
	}
	d.wrong(place, "not YAML: %s", m[2])
}
