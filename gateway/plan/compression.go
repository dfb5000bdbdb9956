package plan

import (
	"weir/codec/deflate"
	"weir/codec/http1"
	"weir/gateway/config"
)

// Compression between client and gateway, for backends that have none (permessage-deflate, RFC 7692). No context is
// taken over from message to message, so the compressors are the loop's, and an idle session has nothing of its own.

const ExtensionsField = "Sec-WebSocket-Extensions"

// compression is how a route compresses. Immutable.
type compression struct {
	Level     int
	Threshold uint64 // shorter messages go as they are
	options   deflate.Options
}

func newCompression(cfg *config.Config) *compression {
	if cfg.Compression != config.CompressionGateway {
		return nil
	}
	p := &compression{Level: cfg.CompressionLevel, Threshold: uint64(cfg.CompressionThreshold)}
	if cfg.CompressionWindow < deflate.MaxWindowBits {
		p.options.ServerWindowBits = uint8(cfg.CompressionWindow)
	}
	return p
}

// Agree takes the client's best offer, if it has one that can be understood.
func (p *compression) Agree(r *http1.Request) (params deflate.Params, ok bool) {
	var room [deflate.MaxOffers]deflate.Offer
	offers := room[:0]
	for _, f := range r.Fields {
		if !http1.Same(f.Name, ExtensionsField) {
			continue
		}
		var err error
		if offers, err = deflate.ParseOffers(offers, f.Value); err != nil {
			return params, false
		}
	}
	return deflate.Accept(offers, p.options)
}
