package api

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/opex-project/opex/taskapi/internal/store"
)

func (a *API) createTask(w http.ResponseWriter, r *http.Request) error {
	in, err := readTask(w, r, true)
	if err != nil {
		return err
	}
	if in.Title == nil {
		return invalidFields(map[string]string{"title": "is required"})
	}
	t := store.Task{Title: *in.Title}
	if in.Description != nil {
		t.Description = *in.Description
	}
	if in.Done != nil {
		t.Done = *in.Done
	}
	if in.id != nil {
		t.ID = *in.id
	} else if t.ID, err = uuid.NewV7(); err != nil { // version 7 grows with time, which keeps the index compact
		return err
	}
	t, created, err := a.store.Create(r.Context(), t)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/tasks/"+t.ID.String())
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	writeJSON(w, status, t)
	return nil
}

func (a *API) listTasks(w http.ResponseWriter, r *http.Request) error {
	p, err := parsePage(r.URL.RawQuery)
	if err != nil {
		return err
	}
	tasks, err := a.store.List(r.Context(), p.after, p.limit+1) // one more tells whether a next page exists
	if err != nil {
		return err
	}
	list := struct {
		Tasks []store.Task `json:"tasks"`
		Next  string       `json:"next,omitempty"`
	}{Tasks: tasks}
	if len(tasks) > p.limit {
		list.Tasks = tasks[:p.limit]
		list.Next = cursor(tasks[p.limit-1])
	}
	writeJSON(w, http.StatusOK, list)
	return nil
}

func (a *API) getTask(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	t, err := a.store.Get(r.Context(), id)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, t)
	return nil
}

func (a *API) updateTask(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	in, err := readTask(w, r, false)
	if err != nil {
		return err
	}
	if in.Change == (store.Change{}) {
		return &Error{
			status:  http.StatusBadRequest,
			Code:    "invalid_fields",
			Message: "nothing to change: give title, description or done",
		}
	}
	t, err := a.store.Update(r.Context(), id, in.Change)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, t)
	return nil
}

func (a *API) deleteTask(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := a.store.Delete(r.Context(), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func pathID(r *http.Request) (uuid.UUID, error) {
	id, ok := canonicalUUID(r.PathValue("id"))
	if !ok {
		return id, &Error{
			status:  http.StatusBadRequest,
			Code:    "invalid_id",
			Message: "the path's id is not one of a task",
			Fields:  map[string]string{"id": wantUUID},
		}
	}
	return id, nil
}
