package interop

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"
)

// pageBackend serves the page of node/page and echoes uploads and WebSocket messages.
type pageBackend struct {
	*httptest.Server
	cancel func()
}

// startPage starts one that tells its name.
func startPage(t testing.TB, name string) *pageBackend {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir("node/page")))
	mux.HandleFunc("GET /name", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
	mux.HandleFunc("POST /upload", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	mux.HandleFunc("GET /echo", func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			return // the page sees it
		}
		defer ws.CloseNow()
		ws.SetReadLimit(-1)
		err = ws.Write(r.Context(), websocket.MessageText, []byte(name))
		for err == nil {
			var kind websocket.MessageType
			var message []byte
			if kind, message, err = ws.Read(r.Context()); err == nil {
				err = ws.Write(r.Context(), kind, message)
			}
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	b := &pageBackend{httptest.NewUnstartedServer(mux), cancel}
	b.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	b.Start()
	t.Cleanup(b.end)
	return b
}

// end closes all connections, those of WebSockets by their context.
func (b *pageBackend) end() {
	b.cancel()
	b.CloseClientConnections()
	b.Close()
}
