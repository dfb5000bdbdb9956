package accept_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/coder/websocket"
	"github.com/gobwas/ws/wsutil"

	"weir/upstream/accept"
)

// A backend on gobwas/ws: each session is a net.Conn that carries frames.
func ExampleListener() {
	l, err := accept.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fmt.Println("session for", c.(*accept.Conn).Request().Path)
				for {
					message, kind, err := wsutil.ReadClientData(c)
					if err != nil || wsutil.WriteServerMessage(c, kind, message) != nil {
						return
					}
				}
			}()
		}
	}()

	client, hangUp, err := dial(l, "/room/7", nil) // what the gateway does
	if err != nil {
		log.Fatal(err)
	}
	defer hangUp()
	_ = wsutil.WriteClientText(client, []byte("hello"))
	answer, _ := wsutil.ReadServerText(client)
	fmt.Printf("%s\n", answer)
	// Output:
	// session for /room/7
	// hello
}

// A backend on net/http and coder/websocket: the handler does not know that it is served over HTTP/2.
func ExampleServe() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, message) != nil {
				return
			}
		}
	})
	l, err := accept.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go func() { _ = accept.Serve(l, handler) }()

	client, hangUp, err := dial(l, "/", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer hangUp()
	_ = wsutil.WriteClientText(client, []byte("hello"))
	answer, _ := wsutil.ReadServerText(client)
	fmt.Printf("%s\n", answer)
	// Output: hello
}
