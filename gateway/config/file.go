package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// A document reads a YAML file of knobs. It is a koanf.Parser that keeps to
// nodes rather than values, as these know their line and the text as written.
type document struct {
	loader *loader
	path   string
}

// Unmarshal takes what is well; what is not goes to the loader's problems.
func (d document) Unmarshal(b []byte) (map[string]any, error) {
	values := map[string]any{}
	var root yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(b))
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF): // an empty file
		return values, nil
	case err != nil:
		d.badSyntax(err)
		return values, nil
	}
	if !errors.Is(decoder.Decode(new(yaml.Node)), io.EOF) {
		d.loader.wrong(d.path, "holds a second document; put all knobs into one")
		return values, nil
	}
	top := root.Content[0]
	if top.Kind != yaml.MappingNode {
		d.loader.wrong(d.line(top.Line), "not a list of \"knob: value\" lines")
		return values, nil
	}
	section{document: d}.each(top, func(place string, key, value *yaml.Node) {
		switch key.Value {
		case routesKey:
			d.routes(place, value)
		case sitesKey:
			d.sites(place, value)
		default:
			if name, v := d.take(place, key.Value, value); name != "" {
				values[name] = v
			}
		}
	})
	return values, nil
}

// Marshal is the half of koanf.Parser that nothing here needs.
func (document) Marshal(map[string]any) ([]byte, error) {
	return nil, errors.New("config: YAML is only read")
}

func (d document) take(place, key string, value *yaml.Node) (string, any) {
	k := find(key)
	if k == nil {
		d.loader.wrong(place, "no such knob%s", suggest(key, append(spelled(knobs, (*knob).key), routesKey, sitesKey)))
		return "", nil
	}
	if k.name == "config" {
		d.loader.wrong(place, "a file cannot name another; use --config or WEIR_CONFIG")
		return "", nil
	}
	texts, err := nodeTexts(value, k.isList())
	if err != nil {
		d.loader.wrong(place, "%w", err)
		return "", nil
	}
	return d.loader.take(k, place, texts...)
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

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

func (d document) badSyntax(err error) {
	place, m := d.path, yamlError.FindStringSubmatch(err.Error())
	if m == nil {
		d.loader.wrong(place, "%w", err)
		return
	}
	if m[1] != "" {
		place += ":" + m[1]
	}
	d.loader.wrong(place, "not YAML: %s", m[2])
}
