-- The CHECKs repeat the API's limits, so that no other client of the database can store what the API could not return.
CREATE TABLE tasks (
    id          uuid PRIMARY KEY,
    title       text NOT NULL CHECK (char_length(title) BETWEEN 1 AND 200),
    description text NOT NULL DEFAULT '' CHECK (char_length(description) <= 4000),
    done        boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The order of the list, and its cursor.
CREATE INDEX tasks_by_age ON tasks (created_at, id);
