package deflate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"weir/codec/deflate"
)

func TestParseOffers(t *testing.T) {
	none := deflate.Offer{}
	for _, tt := range []struct {
		value string
		want  []deflate.Offer
	}{
		{"", nil},
		{" , ,", nil},
		{"permessage-deflate", []deflate.Offer{none}},
		{" permessage-deflate , ", []deflate.Offer{none}},
		{"permessage-deflate; client_max_window_bits", []deflate.Offer{{ClientMaxWindowBits: 15}}}, // browsers
		{"permessage-deflate; server_max_window_bits=12; client_max_window_bits=12", []deflate.Offer{{ServerMaxWindowBits: 12, ClientMaxWindowBits: 12}}},
		{`permessage-deflate;server_max_window_bits="8"	;	client_max_window_bits = "15"`, []deflate.Offer{{ServerMaxWindowBits: 8, ClientMaxWindowBits: 15}}},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", []deflate.Offer{{ServerNoContextTakeover: true, ClientNoContextTakeover: true}}},
		{"permessage-deflate; server_max_window_bits=10, permessage-deflate", []deflate.Offer{{ServerMaxWindowBits: 10}, none}},
		{"permessage-bzip2; level=9, x-webkit-deflate-frame; a=\"b\", permessage-deflate", []deflate.Offer{none}},
		// Declined, though the list is well formed (section 7.1).
		{"permessage-deflate; level=9", nil},
		{"permessage-deflate; level=9, permessage-deflate", []deflate.Offer{none}},
		{"permessage-deflate; server_no_context_takeover=1", nil},
		{"permessage-deflate; client_no_context_takeover=true", nil},
		{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", nil},
		{"permessage-deflate; client_no_context_takeover; client_no_context_takeover", nil},
		{"permessage-deflate; server_max_window_bits", nil},
		{"permessage-deflate; server_max_window_bits=7", nil},
		{"permessage-deflate; server_max_window_bits=16", nil},
		{"permessage-deflate; server_max_window_bits=08", nil},
		{"permessage-deflate; server_max_window_bits=0", nil},
		{"permessage-deflate; server_max_window_bits=1e", nil},
		{"permessage-deflate; server_max_window_bits=100", nil},
		{"permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", nil},
		{"permessage-deflate; client_max_window_bits; client_max_window_bits=10", nil},
		{"permessage-deflate; client_max_window_bits=16", nil},
		{"permessage-deflates", nil},
	} {
		got, err := deflate.ParseOffers(nil, []byte(tt.value))
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: %+v, %v, not %+v", tt.value, got, err, tt.want)
		}
	}
}

func TestParseOffersRefuses(t *testing.T) {
	for _, value := range []string{
		";", "=", "permessage-deflate;", "permessage-deflate; ;", "permessage-deflate permessage-deflate",
		"permessage-deflate; a=", "permessage-deflate; a=;", `permessage-deflate; a="`, `permessage-deflate; a=""`,
		`permessage-deflate; a="b`, `permessage-deflate; a=" b"`, `permessage-deflate; a="b" c`, `permessage-deflate; a="b,c"`,
		"permessage-deflate; a=b=c", "perm\x00essage", "permessage-deflate; \xff", "permessage-deflate, ;",
	} {
		if got, err := deflate.ParseOffers(nil, []byte(value)); !errors.Is(err, deflate.ErrSyntax) {
			t.Errorf("%q: %+v, %v, not ErrSyntax", value, got, err)
		}
	}
}

func TestOffersAreBounded(t *testing.T) {
	got, err := deflate.ParseOffers(nil, []byte(strings.Repeat("permessage-deflate,", 1000)))
	if err != nil || len(got) != deflate.MaxOffers {
		t.Errorf("%d offers, %v", len(got), err)
	}
}

func TestNegotiation(t *testing.T) {
	const always = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, tt := range []struct {
		offer   string
		options deflate.Options
		want    string
	}{
		{"", deflate.Options{}, ""},
		{"permessage-deflate; level=9", deflate.Options{}, ""},
		{"permessage-deflate", deflate.Options{}, always},
		{"permessage-deflate; client_max_window_bits", deflate.Options{}, always},
		{"permessage-deflate; client_max_window_bits=9", deflate.Options{}, always},
		{"permessage-deflate; server_max_window_bits=9", deflate.Options{}, always + "; server_max_window_bits=9"},
		{"permessage-deflate; server_max_window_bits=15", deflate.Options{}, always + "; server_max_window_bits=15"},
		{"permessage-deflate; server_max_window_bits=12", deflate.Options{ServerWindowBits: 10}, always + "; server_max_window_bits=10"},
		{"permessage-deflate; server_max_window_bits=9", deflate.Options{ServerWindowBits: 10}, always + "; server_max_window_bits=9"},
		{"permessage-deflate", deflate.Options{ServerWindowBits: 10, ClientWindowBits: 10}, always + "; server_max_window_bits=10"},
		{"permessage-deflate; client_max_window_bits", deflate.Options{ClientWindowBits: 10}, always + "; client_max_window_bits=10"},
		{"permessage-deflate; client_max_window_bits=9", deflate.Options{ClientWindowBits: 10}, always + "; client_max_window_bits=9"},
		{"permessage-deflate; server_max_window_bits=11, permessage-deflate", deflate.Options{}, always + "; server_max_window_bits=11"},
	} {
		offers, err := deflate.ParseOffers(nil, []byte(tt.offer))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if p, ok := deflate.Accept(offers, tt.options); ok {
			got = string(deflate.AppendResponse(nil, p))
		}
		if got != tt.want {
			t.Errorf("%q with %+v:\n%q, not\n%q", tt.offer, tt.options, got, tt.want)
		}
	}
}

// Whatever is accepted is an answer that the same parser reads, and that promises no more than the offer asks for.
func FuzzOffers(f *testing.F) {
	f.Add([]byte("permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate"), uint8(9), uint8(0))
	f.Add([]byte(`x; a="b", permessage-deflate; client_max_window_bits="8"`), uint8(0), uint8(15))
	f.Fuzz(func(t *testing.T, value []byte, server, client uint8) {
		offers, err := deflate.ParseOffers(nil, value)
		if err != nil || len(offers) == 0 {
			return
		}
		bits := func(b uint8) uint8 { return min(b%9, 1) * (7 + b%9) }
		p, ok := deflate.Accept(offers, deflate.Options{ServerWindowBits: bits(server), ClientWindowBits: bits(client)})
		answer, err := deflate.ParseOffers(nil, deflate.AppendResponse(nil, p))
		switch {
		case !ok || err != nil || len(answer) != 1:
			t.Fatalf("%v, %v, %+v", ok, err, answer)
		case answer[0].ServerMaxWindowBits != p.ServerWindowBits || answer[0].ClientMaxWindowBits != p.ClientWindowBits:
			t.Errorf("the answer to %+v is %+v", offers[0], answer[0])
		case offers[0].ServerMaxWindowBits != 0 && (p.ServerWindowBits == 0 || p.ServerWindowBits > offers[0].ServerMaxWindowBits):
			t.Errorf("%d bits for %+v", p.ServerWindowBits, offers[0])
		case p.ClientWindowBits > offers[0].ClientMaxWindowBits:
			t.Errorf("the client is told %d bits for %+v", p.ClientWindowBits, offers[0])
		}
	})
}
