package http1

import "strings"

// typing are the fields of a refusal that describe its own body, and that it is nobody's to keep: rules are for backends' answers.
var typing = setOf([]string{"Content-Type", "Cache-Control"})

// Refuse gives a refusal what the answer of a backend would get: the Response rules work on its header lines, and then
// what lets a page read it is added, unless a rule has said who may. It is why itself where there is nothing of either.
func (ru *Rules) Refuse(why *Refusal, page []Field) *Refusal {
	if len(ru.Response) == 0 && len(page) == 0 {
		return why
	}
	var fields []Field
	for line := range strings.SplitSeq(why.Header, "\r\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			fields = append(fields, Field{bytesOf(name), bytesOf(value)})
		}
	}
	for _, rule := range ru.Response {
		if !typing.has(bytesOf(rule.Name)) {
			fields = rule.apply(fields, 0)
		}
	}
	if _, told := only(fields, "access-control-allow-origin"); told == 0 {
		fields = append(fields, page...)
	}
	var header strings.Builder
	for _, f := range fields {
		for _, s := range [...]string{textOf(f.Name), ": ", textOf(f.Value), "\r\n"} {
			header.WriteString(s)
		}
	}
	dressed := *why
	dressed.Header = header.String()
	return &dressed
}
