package kubetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
)

// Command runs in a pod while the client talks with it, and returns its exit status. Its standard input ends when the
// client closes it or goes away.
type Command func(in io.Reader, out, said io.Writer) (exit int)

// isExec tells a request to run a command in a pod. A world answers its path with a Command, or with what every command
// writes there and its exit status: stdout, stderr, exit.
func isExec(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/exec") && websocket.IsWebSocketUpgrade(r)
}

// saying is a command that writes what is said of it, and reads nothing.
func saying(answer map[string]any) Command {
	return func(_ io.Reader, out, said io.Writer) (exit int) {
		for key, to := range map[string]io.Writer{"stdout": out, "stderr": said} {
			text, _ := answer[key].(string)
			_, _ = io.WriteString(to, text)
		}
		_, _ = fmt.Sscan(fmt.Sprint(answer["exit"]), &exit)
		return exit
	}
}

// channel writes to one of the streams of remotecommand's protocol, whose number is the first byte of a message.
type channel struct {
	number     byte
	mu         *sync.Mutex // of the connection
	connection *websocket.Conn
}

// Write sends one message.
func (c channel) Write(data []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(data), c.connection.WriteMessage(websocket.BinaryMessage, append([]byte{c.number}, data...))
}

// answerExec speaks the server's side of remotecommand's protocol, version 5.
func answerExec(out http.ResponseWriter, r *http.Request, command Command) {
	upgrader := websocket.Upgrader{Subprotocols: []string{remotecommand.StreamProtocolV5Name}}
	connection, err := upgrader.Upgrade(out, r, nil)
	if err != nil {
		return // the client was answered
	}
	defer connection.Close()
	in, typed := io.Pipe()
	defer in.Close()
	go func() {
		defer typed.Close()
		for {
			_, message, err := connection.ReadMessage()
			if err != nil ||
				len(message) == 2 && message[0] == remotecommand.StreamClose &&
					message[1] == remotecommand.StreamStdIn {
				return
			}
			if len(message) > 1 && message[0] == remotecommand.StreamStdIn {
				if _, err := typed.Write(message[1:]); err != nil {
					return
				}
			}
		}
	}()
	var mu sync.Mutex
	status := metav1.Status{Status: metav1.StatusSuccess}
	if exit := command(in, channel{remotecommand.StreamStdOut, &mu, connection}, channel{remotecommand.StreamStdErr, &mu, connection}); exit != 0 {
		status = metav1.Status{
			Status: metav1.StatusFailure,
			Reason: remotecommand.NonZeroExitCodeReason,
			Details: &metav1.StatusDetails{
				Causes: []metav1.StatusCause{{Type: remotecommand.ExitCodeCauseType, Message: fmt.Sprint(exit)}}},
		}
	}
	data, _ := json.Marshal(status)
	_, _ = channel{remotecommand.StreamErr, &mu, connection}.Write(data)
	mu.Lock()
	defer mu.Unlock()
	_ = connection.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
}
