package interop

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"weir/internal/freeport"
	"weir/upstream/accept"
)

// numbersAddr tells this binary to be a backend that numbers its messages, by tunnel or pool: "pool 127.0.0.1:1234".
const numbersAddr = "WEIR_INTEROP_NUMBERS"

func init() {
	way, addr, _ := strings.Cut(os.Getenv(numbersAddr), " ")
	if addr == "" {
		return
	}
	fmt.Fprintln(os.Stderr, serveNumbers(way, addr))
	os.Exit(1)
}

func serveNumbers(way, addr string) error {
	listen, begin := net.Listen, func(conn net.Conn) error {
		_, err := ws.Upgrader{}.Upgrade(conn)
		return err
	}
	if way == "pool" {
		listen = func(network, addr string) (net.Listener, error) { return accept.Listen(network, addr) }
		begin = func(conn net.Conn) error { return conn.(*accept.Conn).Respond(nil) }
	}
	l, err := listen("tcp", addr)
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			if begin(conn) == nil {
				number(conn)
			}
		}()
	}
}

// number answers each message by its own number and the message.
func number(conn net.Conn) {
	for told := uint64(0); ; told++ {
		b, _, err := wsutil.ReadClientData(conn) // answers a close frame, too
		if err != nil {
			return
		}
		both := ws.MustCompileFrame(ws.NewBinaryFrame(binary.BigEndian.AppendUint64(nil, told)))
		if _, err := conn.Write(append(both, ws.MustCompileFrame(ws.NewTextFrame(b))...)); err != nil {
			return
		}
	}
}

// numbersBackend is such a backend in a process of its own, in Go or on Node, which can be ended and started again.
type numbersBackend struct {
	t         testing.TB
	way, addr string
	node      bool
	cmd       *exec.Cmd
}

func startNumbers(t testing.TB, way string, node bool) *numbersBackend {
	b := &numbersBackend{t: t, way: way, addr: freeport.Addr(t), node: node}
	b.start()
	return b
}

func (b *numbersBackend) url() string {
	if b.way == "pool" {
		return "h2c://" + b.addr
	}
	return "ws://" + b.addr
}

func (b *numbersBackend) start() {
	b.t.Helper()
	if b.node {
		_, port, _ := net.SplitHostPort(b.addr)
		b.cmd = startProcess(b.t, b.addr, nil, "node", "node/numbers.mjs", port, b.way)
		return
	}
	b.cmd = startProcess(b.t, b.addr, []string{numbersAddr + "=" + b.way + " " + b.addr}, os.Args[0])
}
