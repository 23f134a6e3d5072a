// The script stands in the head once, for every page of the app.
export default function Layout({ children }) {
  return (
    <html lang="en">
      <head>
        <script defer src="/.sluice/elements.js"></script>
      </head>
      <body>{children}</body>
    </html>
  );
}
