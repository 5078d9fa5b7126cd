// A life of a connector, by a client of Kafka Connect as the registry has it.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/go-kafka/connect"
)

func must(what string, response *http.Response, err error, status int) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
	if response.StatusCode != status {
		fmt.Fprintf(os.Stderr, "%s: %d, expected %d\n", what, response.StatusCode, status)
		os.Exit(1)
	}
}

func expect(good bool, what string) {
	if !good {
		fmt.Fprintln(os.Stderr, "not so: "+what)
		os.Exit(1)
	}
}

func wait(c *connect.Client, name, state string) {
	for i := 0; i < 600; i++ {
		status, response, err := c.GetConnectorStatus(name)
		must("status", response, err, 200)
		if status.Connector.State == state {
			expect(status.Name == name && status.Connector.WorkerID != "", "name and worker")
			expect(state == "PAUSED" || len(status.Tasks) == 1, "one task")
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	expect(false, "it is "+state)
}

func main() {
	c := connect.NewClient(os.Args[1])
	made := &connect.Connector{Name: "g", Config: connect.ConnectorConfig{
		"connector.class": "datagen", "topic.prefix": "g", "datagen.rate": "100"}}
	response, err := c.CreateConnector(made)
	must("create", response, err, 201)
	expect(made.Config["name"] == "g", "what was made")
	made.Tasks = nil
	_, err = c.CreateConnector(&connect.Connector{Name: "g", Config: made.Config})
	wrong, is := err.(connect.APIError)
	expect(is && wrong.Code == 409, fmt.Sprintf("a name that is taken is 409: %v", err))
	wait(c, "g", "RUNNING")
	names, response, err := c.ListConnectors()
	must("list", response, err, 200)
	expect(len(names) == 1 && names[0] == "g", "the list")
	one, response, err := c.GetConnector("g")
	must("get", response, err, 200)
	expect(one.Name == "g" && one.Tasks[0].ConnectorName == "g", "the connector")
	tasks, response, err := c.GetConnectorTasks("g")
	must("tasks", response, err, 200)
	expect(len(tasks) == 1 && tasks[0].Config["datagen.rate"] == "100", "the task's configuration")
	made.Config["datagen.rate"] = "200"
	changed, response, err := c.UpdateConnectorConfig("g", made.Config)
	must("update", response, err, 200)
	expect(changed.Config["datagen.rate"] == "200", "the new rate")
	config, response, err := c.GetConnectorConfig("g")
	must("config", response, err, 200)
	expect(config["datagen.rate"] == "200", "the new rate, stored")
	wait(c, "g", "RUNNING")
	response, err = c.PauseConnector("g")
	must("pause", response, err, 202)
	wait(c, "g", "PAUSED")
	response, err = c.ResumeConnector("g")
	must("resume", response, err, 202)
	wait(c, "g", "RUNNING")
	response, err = c.RestartConnector("g")
	must("restart", response, err, 204)
	wait(c, "g", "RUNNING")
	response, err = c.DeleteConnector("g")
	must("delete", response, err, 204)
	_, _, err = c.GetConnector("g")
	wrong, is = err.(connect.APIError)
	expect(is && wrong.Code == 404 && wrong.Message != "", "it is gone: 404")
	fmt.Println("done")
}
