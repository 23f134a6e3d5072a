// Examples that the help of a command shows. A test parses each of them as the command would.

export type Example = { readonly command: string; readonly does: string };

/** By the words of the command. */
export const examples: Readonly<Record<string, readonly Example[]>> = {
  init: [
    {
      command: "npx sluice init https://shop.example --upstream https://www.shop.example",
      does: "Writes sites/shop.example: wrangler.toml and strong secrets. Prints the commands that follow.",
    },
    {
      command: 'npx sluice init --feature feat_new_search --path "/search" --activation "POST /orders"',
      does: "Makes a feature with a rule in shadow at the origin of `npm start`.",
    },
  ],
  login: [
    {
      command: "npx sluice login --origin https://sluice.example.com",
      does: "Opens a browser, and keeps a token of the person who agrees there for a week.",
    },
    {
      command: "npx sluice login --token",
      does: "Keeps a token that you type or pipe in, on a machine without a browser.",
    },
  ],
  logout: [{ command: "npx sluice logout", does: "Revokes the token of `login` and forgets it." }],
  start: [
    {
      command: "UPSTREAM_URL=http://127.0.0.1:3000 npx sluice start",
      does: "Puts the whole loop before a site of your own, on this machine.",
    },
  ],
  demo: [{ command: "npx sluice demo", does: "Shows a rollback and a KEEP within 90 seconds." }],
  origin: [
    {
      command: "DATABASE_URL=postgres://db/sluice npx sluice origin",
      does: "Runs an origin on a PostgreSQL of your own.",
    },
    {
      command: "npx sluice origin --variables sites/shop.example/origin.env",
      does: "Runs the origin of a site that `init` has written.",
    },
  ],
  serve: [{ command: "npx sluice serve", does: "Does what `origin` does." }],
  "edge deploy": [
    {
      command: "npx sluice edge deploy --config sites/shop.example/wrangler.toml --dry-run",
      does: "Checks bindings, variables and secrets, bundles the Worker and uploads nothing.",
    },
  ],
  status: [
    { command: "npx sluice status --tag checkout", does: "Lists the features with one tag." },
    {
      command: "npx sluice status feat_new_checkout --wait --timeout 6h",
      does: "Waits in a pipeline: 0 when it is kept, 3 when it is rolled back, 4 when the time is over.",
    },
  ],
  why: [
    {
      command: "npx sluice why feat_new_checkout",
      does: "Each signal against its threshold, and what comes next.",
    },
  ],
  "import unleash": [
    {
      command: "npx sluice import unleash export.json --environment production",
      does: "Says what becomes of each feature, and writes nothing.",
    },
    {
      command: "npx sluice import unleash export.json --write features.yaml",
      does: "Writes a configuration file of them.",
    },
  ],
  "import growthbook": [
    {
      command: "npx sluice import growthbook payload.json --attributes email=claim:email",
      does: "Reads an attribute where it is.",
    },
  ],
  "import flagd": [
    {
      command: "npx sluice import flagd flags.yaml --apply",
      does: "Shows the plan, asks, and applies it. All features are closed.",
    },
  ],
  watch: [
    { command: "npx sluice watch", does: "Shows all features as they change, until Ctrl-C." },
    { command: "npx sluice watch --json | jq .featureId", does: "Writes one JSON object a line." },
  ],
  rollback: [
    {
      command: 'npx sluice rollback feat_new_checkout --reason "support says no"',
      does: "Closes it at every edge.",
    },
    {
      command: 'npx sluice rollback --tag checkout --reason "incident 4711"',
      does: "Closes all with the tag at one revision.",
    },
  ],
  enable: [
    {
      command: 'npx sluice enable feat_new_checkout --rollout 10% --holdout 10% --reason "deploy 4711"',
      does: "Opens it for a tenth, and keeps a tenth without it to compare with.",
    },
  ],
  receipt: [
    {
      command: "npx sluice receipt feat_new_checkout",
      does: "The newest rollback: who decided it, when it was committed, and when each edge had it.",
    },
    {
      command: "npx sluice receipt 4711 --json > receipts.json",
      does: "All rollbacks of one revision, signed.",
    },
    {
      command: "PUSH_KEYS=… npx sluice receipt --check receipts.json",
      does: "Whether the origin's key signed the file as it is.",
    },
  ],
  ramp: [
    {
      command: 'npx sluice ramp feat_new_checkout --pause --reason "the sale has begun"',
      does: "Stays at the present stage.",
    },
  ],
  evaluate: [
    {
      command: "npx sluice evaluate feat_new_checkout --unit anon-1 --country DE --path /checkout",
      does: "Whether this visitor gets it on this page, and why.",
    },
    {
      command: "npx sluice evaluate feat_new_checkout --unit ann --json | jq .cohort",
      does: "The cohort alone, for a script.",
    },
  ],
  segments: [{ command: "npx sluice segments list", does: "Conditions that several features share." }],
  "segments list": [{ command: "npx sluice segments list --json", does: "With who uses each." }],
  "segments show": [
    { command: "npx sluice segments show beta-testers", does: "Writes its condition, as JSON." },
  ],
  "segments set": [
    {
      command: 'npx sluice segments set beta-testers --file beta.json --reason "wave two"',
      does: "Changes all features that use it at one revision.",
    },
  ],
  "segments delete": [
    { command: "npx sluice segments delete beta-testers", does: "Only what nothing uses is deleted." },
  ],
  schedule: [
    {
      command:
        'npx sluice schedule feat_new_checkout open 10% --at 2027-12-01T09:00 --zone Europe/Berlin --reason "the campaign begins"',
      does: "Opens it for a tenth at nine in the morning.",
    },
    {
      command:
        'npx sluice schedule feat_new_checkout close --at 2027-12-24T18:00 --zone UTC --reason "holidays"',
      does: "Closes it.",
    },
  ],
  schedules: [
    { command: "npx sluice schedules --feature feat_new_checkout", does: "What is planned for one feature." },
    { command: "npx sluice schedules --cancel sch_0123456789abcdef01", does: "It will not be done." },
  ],
  annotate: [
    {
      command:
        'npx sluice annotate "Deploy 4711 of the shop" --link https://ci.example.com/4711 --tags checkout',
      does: "Marks the deploy on the charts of the features with this tag.",
    },
  ],
  approvals: [{ command: "npx sluice approvals list", does: "What waits for a second person." }],
  "approvals approve": [
    {
      command:
        "npx sluice approvals approve apr_0123456789abcdef01 --hash 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
      does: "Carries out exactly what `approvals show` showed.",
    },
  ],
  tokens: [
    { command: "npx sluice tokens list", does: "Who may do what, and when each token was used last." },
  ],
  "tokens create": [
    {
      command: "npx sluice tokens create pipeline --scope editor --tag checkout --expires 90d",
      does: "Prints a token that may change features with one tag.",
    },
  ],
  "tokens list": [{ command: "npx sluice tokens list --json", does: "All tokens, without their secrets." }],
  "tokens revoke": [
    {
      command: "npx sluice tokens revoke tok_0a1b2c3d4e5f607182",
      does: "It works no more, within 5 s everywhere.",
    },
  ],
  forget: [
    {
      command: "npx sluice forget ada@example.com",
      does: "Nothing that is kept names this user any more; counts stay.",
    },
  ],
  review: [
    { command: "npx sluice review", does: "The last seven days." },
    { command: "npx sluice review --last 30d --markdown", does: "The last month, for a ticket." },
  ],
  hooks: [{ command: "npx sluice hooks list", does: "Which alerting systems may close what." }],
  "hooks list": [{ command: "npx sluice hooks list --json", does: "All hooks, without their secrets." }],
  "hooks create": [
    {
      command: "npx sluice hooks create alertmanager --source alertmanager --allow-tag checkout",
      does: "Prints the secret for Alertmanager; what it sends is recorded and closes nothing yet.",
    },
    {
      command:
        "cat secret | npx sluice hooks create pager --source pagerduty --feature feat_new_checkout --secret-stdin",
      does: "Takes the secret that PagerDuty made.",
    },
  ],
  "hooks enforce": [
    { command: "npx sluice hooks enforce alertmanager", does: "From now on its alerts close features." },
  ],
  "hooks test": [
    {
      command: "npx sluice hooks test alertmanager --feature feat_new_checkout",
      does: "Says what an alert that names the feature would close.",
    },
    {
      command: "npx sluice hooks test grafana --payload alert.json",
      does: "The same for a payload of your own.",
    },
  ],
  "hooks deliveries": [
    { command: "npx sluice hooks deliveries alertmanager", does: "What came, and what became of it." },
  ],
  "hooks delete": [{ command: "npx sluice hooks delete alertmanager", does: "Its secret works no more." }],
  notifications: [
    { command: "npx sluice notifications list", does: "Who is told what, and whether it gets through." },
  ],
  "notifications list": [
    { command: "npx sluice notifications list --json", does: "All targets, without their secrets." },
  ],
  "notifications add": [
    {
      command:
        "cat slack-url | npx sluice notifications add checkout-team --type slack --url-stdin --tag checkout",
      does: "Tells a channel in Slack what happens to features with the tag.",
    },
    {
      command:
        "npx sluice notifications add ci --type webhook --url https://ci.example.com/sluice --event feature.rolledBack,feature.kept",
      does: "Prints the secret that signs the messages.",
    },
    {
      command: "npx sluice notifications add managers --type email --to cto@example.com --event feature.kept",
      does: "Sends an e-mail for each feature that is proven good.",
    },
  ],
  "notifications test": [
    {
      command: "npx sluice notifications test checkout-team",
      does: "Says whether a test message was taken.",
    },
  ],
  "notifications remove": [
    { command: "npx sluice notifications remove checkout-team", does: "It is told nothing any more." },
  ],
  doctor: [
    { command: "npx sluice doctor", does: "Exits with 1 when something fails, and says what to do." },
    {
      command: "npx sluice doctor --json | jq .findings",
      does: "The same for a program.",
    },
  ],
  mcp: [
    {
      command: "SLUICE_TOKEN=sluice_… npx sluice mcp",
      does: "An agent starts it so. docs/agents.md shows the configuration of several.",
    },
  ],
  validate: [
    { command: "npx sluice validate -f config", does: "Names each error with its file, line and column." },
  ],
  plan: [
    {
      command: "npx sluice plan -f config",
      does: "Shows each field that would change, and changes nothing.",
    },
    {
      command: "npx sluice plan -f config --detailed-exitcode --markdown",
      does: "For a pull request: writes a comment, and exits with 2 when something would change.",
    },
  ],
  apply: [
    { command: "npx sluice apply -f config", does: "Shows the plan, asks, and carries out exactly that." },
    {
      command: 'npx sluice apply -f config --yes --reason "deploy 4711"',
      does: "The same in a pipeline, without asking.",
    },
  ],
  export: [
    { command: "npx sluice export --source shop", does: "Writes features as a file." },
    {
      command: "npx sluice export --merge config/checkout.yaml",
      does: "Takes changes by hand over into the file; comments and order stay.",
    },
  ],
  drift: [{ command: "npx sluice drift", does: "What the next apply would take back." }],
  migrate: [
    {
      command: "npx sluice migrate",
      does: "Brings the database of DATABASE_URL up to date, before origins of a new version start.",
    },
    {
      command: "npx sluice migrate --contract",
      does: "Takes rights from the service's role that only older versions use, once there is no such origin.",
    },
  ],
  secrets: [
    {
      command: "npx sluice secrets",
      does: "Encrypts the secrets of hooks and targets with the first key of ENCRYPTION_KEYS, and lists them.",
    },
    {
      command: "npx sluice secrets --plain",
      does: "Stores them in plain text, before an older version takes over.",
    },
  ],
  preview: [
    {
      command: "npx sluice preview feat_new_checkout --site https://shop.example --to /cart",
      does: "Prints a link that shows the feature for an hour. PREVIEW_KEYS signs it.",
    },
  ],
  audit: [{ command: "npx sluice audit verify", does: "Whether the record of changes is whole." }],
  "audit verify": [
    { command: "npx sluice audit verify --from 1200", does: "Checks the rows from number 1200 on." },
  ],
  calibrate: [
    {
      command: "npx sluice calibrate feat_new_checkout",
      does: "When the rule would have fired on the observed data, and which thresholds would not have.",
    },
  ],
  capacity: [
    {
      command: "npx sluice capacity --requests-per-second 5000 --gated-share 40% --features 20",
      does: "What a site of this size needs and costs. Needs no origin.",
    },
  ],
  "plan-test": [
    {
      command: "npx sluice plan-test --users-per-day 2000 --holdout-users-per-day 1000 --activation 0.2",
      does: "How long the rule takes to decide. Needs no origin.",
    },
  ],
  partitions: [
    { command: "npx sluice partitions list", does: "Where each partition lives, and how far behind it is." },
  ],
  "partitions list": [
    {
      command: "npx sluice partitions list --json",
      does: "The same with exact figures. A database that cannot be asked has its reason.",
    },
  ],
  "partitions move": [
    {
      command: "npx sluice partitions move 2,3 --to a",
      does: "Brings two partitions into the database that AGGREGATE_DATABASE_URLS names a. Run it again when it was interrupted.",
    },
  ],
  backup: [
    {
      command: "npx sluice backup --out /var/backups/sluice",
      does: "Saves the database, while the origins go on.",
    },
  ],
  restore: [
    { command: "npx sluice restore /var/backups/sluice", does: "Into the empty database of DATABASE_URL." },
  ],
  completion: [
    { command: "source <(npx sluice completion bash)", does: "In this bash; in ~/.bashrc for every one." },
    { command: "source <(npx sluice completion zsh)", does: "The same for zsh, after compinit." },
    { command: "npx sluice completion fish | source", does: "The same for fish." },
  ],
  "approvals list": [
    { command: "npx sluice approvals list --decided", does: "What was asked for and is decided." },
  ],
  "approvals show": [
    { command: "npx sluice approvals show apr_0a1b2c3d4e5f", does: "What exactly would be changed." },
  ],
  "approvals reject": [
    {
      command: 'npx sluice approvals reject apr_0a1b2c3d4e5f --reason "not before the sale"',
      does: "Nothing is changed, and the one who asked reads why.",
    },
  ],
  "approvals withdraw": [
    { command: "npx sluice approvals withdraw apr_0a1b2c3d4e5f", does: "Takes a request of your own back." },
  ],
  "hooks shadow": [
    { command: "npx sluice hooks shadow alertmanager", does: "Its alerts are recorded, and close nothing." },
  ],
};
