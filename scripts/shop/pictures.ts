// The product pictures: flat SVG drawings on a 320 × 320 tile, inline so that a page needs no further request.
// No gradients and no ids: the same picture may stand on a page several times.
import { raw } from "hono/html";

const SHADOW = "#1d1a16";

const shadow = (cx: number, rx: number): string =>
  `<ellipse cx="${cx}" cy="252" rx="${rx}" ry="9" fill="${SHADOW}" opacity=".16"/>`;

const tile = (wall: string, floor: string, drawing: string): string =>
  `<svg class="picture" viewBox="0 0 320 320" aria-hidden="true" focusable="false"><path fill="${wall}" d="M0 0h320v320H0z"/><path fill="${floor}" d="M0 226h320v94H0z"/>${drawing}</svg>`;

const drawings = {
  mug: tile(
    "#dfe6e2",
    "#cdd7d1",
    `${shadow(164, 84)}<path d="M206 150h14c24 0 36 14 36 33s-12 35-36 35h-18" fill="none" stroke="#3f6f73" stroke-width="14"/><path fill="#4b8085" d="M98 128h112v86c0 24-18 40-40 40h-32c-22 0-40-16-40-40z"/><path fill="#c99d74" d="M98 202q14 10 28 0t28 0 28 0 28 0v12c0 24-18 40-40 40h-32c-22 0-40-16-40-40z"/><path fill="${SHADOW}" opacity=".12" d="M180 128h30v86c0 24-18 40-40 40h-12c14-6 22-20 22-40z"/><path fill="#fff" opacity=".22" d="M110 146h10v62h-10z"/><ellipse cx="154" cy="128" rx="56" ry="12" fill="#2f5558"/><ellipse cx="154" cy="131" rx="47" ry="8" fill="#5b3a26"/><path d="M138 104c-10-14 10-22 0-38M168 100c-10-14 10-22 0-38" fill="none" stroke="#fff" stroke-width="5" stroke-linecap="round" opacity=".75"/>`,
  ),
  teapot: tile(
    "#efe3d3",
    "#e2d2bd",
    `${shadow(160, 100)}<path d="M88 168c-46-8-52 62 4 64" fill="none" stroke="#24303a" stroke-width="13"/><path fill="#2f3e4a" d="M214 182c30-2 34-44 58-52l7 13c-18 12-14 62-56 82z"/><ellipse cx="156" cy="196" rx="78" ry="57" fill="#364855"/><path fill="${SHADOW}" opacity=".2" d="M186 144c60 22 64 84-8 107 36-30 36-76 8-107z"/><path fill="#fff" opacity=".14" d="M98 176c6-16 18-26 32-30-12 12-18 26-20 44z"/><path fill="#2b3a45" d="M112 152q44-36 88 0z"/><circle cx="156" cy="122" r="11" fill="#d9a441"/><path fill="#2b3a45" d="M122 246h68v8h-68z"/>`,
  ),
  vase: tile(
    "#f1ddd0",
    "#e6cbb9",
    `${shadow(160, 64)}<g fill="none" stroke="#6f7a54" stroke-width="4" stroke-linecap="round"><path d="M158 100c-2-30-14-48-38-64"/><path d="M160 100c0-34 4-56 10-76"/><path d="M163 100c6-26 20-40 42-48"/></g><g fill="#b98a3c"><circle cx="118" cy="36" r="12"/><circle cx="172" cy="24" r="13"/><circle cx="208" cy="50" r="11"/></g><g fill="#8a9668"><ellipse cx="134" cy="62" rx="14" ry="6" transform="rotate(35 134 62)"/><ellipse cx="184" cy="76" rx="14" ry="6" transform="rotate(-40 184 76)"/></g><path fill="#f8f1e7" d="M138 94h44c-4 26 2 36 18 56 18 22 24 60 4 90-6 10-14 14-24 14h-40c-10 0-18-4-24-14-20-30-14-68 4-90 16-20 22-30 18-56z"/><path fill="#c7714a" d="M103.5 204q26-15 54-1t59 0c-1 13-5 26-12.5 37-6 10-14 14-24 14h-40c-10 0-18-4-24-14-7.5-11-11.5-24-12.5-36z"/><path fill="${SHADOW}" opacity=".1" d="M170 94h12c-4 26 2 36 18 56 18 22 24 60 4 90-6 10-14 14-24 14h-18c30-20 36-66 18-96-12-20-14-40-10-64z"/>`,
  ),
  lamp: tile(
    "#39424e",
    "#2d343e",
    `<path fill="#f6c667" opacity=".2" d="M84 158h152l60 94H24z"/><ellipse cx="160" cy="252" rx="136" ry="22" fill="#f6c667" opacity=".22"/>${shadow(160, 56)}<path fill="#c79a66" d="M152 158h16v76h-16z"/><path fill="#b3854f" d="M160 158h8v76h-8z"/><path fill="#c79a66" d="M112 250c0-16 20-24 48-24s48 8 48 24z"/><path fill="#b3854f" d="M160 226c28 0 48 8 48 24h-34c0-12-4-20-14-24z"/><path fill="#fbe7b8" d="M120 70h80l36 90H84z"/><path fill="#f3d08a" opacity=".7" d="M170 70h30l36 90h-44z"/><path d="M140 70l-20 90M160 70v90M180 70l20 90" stroke="#e3bd74" stroke-width="2" opacity=".7"/>`,
  ),
  bowls: tile(
    "#d9e3ea",
    "#c5d3dc",
    `${shadow(160, 86)}<path fill="#e9c46a" d="M106 138h108c0 30-20 50-40 50h-28c-20 0-40-20-40-50z"/><ellipse cx="160" cy="138" rx="54" ry="9" fill="#c9a046"/><path fill="#e7efe9" d="M88 162h144c0 36-28 56-54 56h-36c-26 0-54-20-54-56z"/><path fill="${SHADOW}" opacity=".07" d="M196 162h36c0 36-28 56-54 56h-12c22-10 30-30 30-56z"/><path fill="#2f5f7a" d="M68 190h184c0 42-34 62-68 62h-48c-34 0-68-20-68-62z"/><path fill="${SHADOW}" opacity=".16" d="M204 190h48c0 42-34 62-68 62h-18c28-12 38-34 38-62z"/><path fill="#fff" opacity=".16" d="M84 200h14c2 18 10 30 20 38-18-6-30-20-34-38z"/>`,
  ),
  blanket: tile(
    "#e8e4dc",
    "#d9d3c7",
    `${shadow(160, 108)}<rect x="62" y="198" width="196" height="54" rx="18" fill="#8d8377"/><path fill="#f3eee4" d="M62 214h196v6H62zm0 14h196v6H62z" opacity=".8"/><rect x="70" y="150" width="180" height="52" rx="18" fill="#f3eee4"/><path fill="#8d8377" d="M70 166h180v5H70zm0 12h180v5H70z" opacity=".55"/><rect x="80" y="108" width="160" height="46" rx="17" fill="#a69b8d"/><path fill="${SHADOW}" opacity=".08" d="M206 108h17c10 0 17 8 17 17v12c0 10-7 17-17 17h-17c10-14 10-32 0-46zm10 42h17c10 0 17 8 17 18v16c0 10-7 18-17 18h-17c10-16 10-36 0-52zm8 48h17c10 0 17 8 17 18v18c0 10-7 18-17 18h-17c10-16 10-38 0-54z"/><path d="M92 154v16m10-16v14m10-14v16m10-16v14" stroke="#a69b8d" stroke-width="4" stroke-linecap="round"/>`,
  ),
  planter: tile(
    "#dde5d2",
    "#cbd6bc",
    `${shadow(160, 66)}<g fill="#3f6b4b"><path d="M160 170C118 152 100 112 108 70c36 16 56 52 52 100z"/><path d="M162 170c34-24 56-58 48-104-34 22-52 58-48 104z"/></g><g fill="#5c8f62"><path d="M158 170c-38 8-72-8-88-42 38-6 70 8 88 42z"/><path d="M164 170c32 4 66-10 84-42-36-6-66 8-84 42z"/><path d="M160 170c-20-42-18-88 0-124 18 36 20 82 0 124z"/></g><path d="M160 170V66" stroke="#3f6b4b" stroke-width="2.5"/><path fill="#bf6a45" d="M104 178h112l-12 64c-2 8-6 10-14 10h-60c-8 0-12-2-14-10z"/><path fill="${SHADOW}" opacity=".13" d="M184 178h32l-12 64c-2 8-6 10-14 10h-18z"/><rect x="97" y="162" width="126" height="22" rx="6" fill="#cf7b54"/><path fill="${SHADOW}" opacity=".13" d="M190 162h27a6 6 0 0 1 6 6v10a6 6 0 0 1-6 6h-29z"/>`,
  ),
  board: tile(
    "#e7e9e4",
    "#d5d9d0",
    `${shadow(168, 92)}<path fill="#c08f58" d="M144 96V54c0-10 6-14 16-14s16 4 16 14v42h26c10 0 16 6 16 16v124c0 10-6 16-16 16h-84c-10 0-16-6-16-16V112c0-10 6-16 16-16z"/><circle cx="160" cy="58" r="6" fill="#e7e9e4"/><g fill="none" stroke="#9d6f3c" stroke-width="2.5" opacity=".6"><path d="M124 100c6 46-6 90 2 150M146 100c-8 40 10 60 8 92s-8 40-4 58M176 98c10 60-10 96 0 152M200 102c-6 50 8 80 0 146"/></g><path fill="#fff" opacity=".14" d="M106 112c0-8 4-12 10-14v152c-6-2-10-6-10-14z"/><circle cx="238" cy="226" r="27" fill="#f0c541"/><circle cx="238" cy="226" r="21" fill="#fbe9a3"/><path d="M238 205v42m-21-21h42m-36-15 30 30m0-30-30 30" stroke="#f0c541" stroke-width="3"/>`,
  ),
  dripper: tile(
    "#f0e6dc",
    "#e1d3c4",
    `${shadow(160, 66)}<path fill="#fff" opacity=".6" d="M126 170h68c0 20 26 34 26 58 0 16-12 24-28 24h-64c-16 0-28-8-28-24 0-24 26-38 26-58z"/><path fill="#4a2c1c" d="M104 216h112c3 5 4 8 4 12 0 16-12 24-28 24h-64c-16 0-28-8-28-24 0-4 1-7 4-12z"/><path fill="#fff" opacity=".3" d="M112 222h9v20h-9z"/><path d="M218 112h12c14 0 18 8 16 16s-10 16-28 16h-12" fill="none" stroke="#e4e0da" stroke-width="9"/><path fill="#fbf9f5" d="M96 96h128l-36 62h-56z"/><path fill="${SHADOW}" opacity=".08" d="M182 96h42l-36 62h-22z"/><path fill="#e4e0da" d="M118 156h84v12h-84z"/><path d="M118 104l24 50m0-50 10 50m16-50v50m18-50-6 50" stroke="#e4e0da" stroke-width="3"/><path fill="#d8bf9b" d="M106 96l-6-18h120l-6 18z"/><path d="M160 190v18" stroke="#4a2c1c" stroke-width="3" stroke-linecap="round"/>`,
  ),
  plates: tile(
    "#e9dfe4",
    "#dacbd3",
    `${shadow(160, 104)}${[238, 224, 210, 196]
      .map(
        (y, index) =>
          `<ellipse cx="160" cy="${y + 5}" rx="98" ry="19" fill="${SHADOW}" opacity=".18"/><ellipse cx="160" cy="${y}" rx="98" ry="19" fill="${["#8a5a6b", "#f5f0ec", "#b78596", "#f9f6f3"][index] ?? "#f9f6f3"}"/>`,
      )
      .join(
        "",
      )}<ellipse cx="160" cy="196" rx="72" ry="12.5" fill="#ece4df"/><ellipse cx="160" cy="198" rx="66" ry="10" fill="#f9f6f3"/><g fill="#b98a3c"><path d="M148 92h5v36h-5zm9 0h5v36h-5zm9 0h5v36h-5z"/><path d="M148 124h23c0 14-4 20-9 21l2 42h-9l2-42c-5-1-9-7-9-21z"/></g>`,
  ),
  candle: tile(
    "#463a36",
    "#382e2b",
    `<circle cx="160" cy="112" r="86" fill="#f3b562" opacity=".14"/><circle cx="160" cy="114" r="50" fill="#f3b562" opacity=".2"/>${shadow(160, 64)}<rect x="108" y="126" width="104" height="126" rx="14" fill="#fff" opacity=".16"/><path fill="#e8b24c" d="M114 168h92v70c0 6-4 9-9 9h-74c-5 0-9-3-9-9z"/><ellipse cx="160" cy="168" rx="46" ry="8" fill="#f3ca76"/><path fill="${SHADOW}" opacity=".14" d="M180 172h26v66c0 6-4 9-9 9h-17z"/><path d="M160 166v-18" stroke="#3a2a20" stroke-width="4"/><path fill="#ffd98a" d="M160 92c-20 28-18 50 0 56 18-6 20-28 0-56z"/><path fill="#fff4d6" d="M160 118c-9 14-8 24 0 28 8-4 9-14 0-28z"/><path fill="#fff" opacity=".3" d="M116 138h7v92h-7z"/>`,
  ),
  carafe: tile(
    "#d3e4e4",
    "#bfd5d5",
    `${shadow(150, 62)}${shadow(254, 32)}<path fill="#fff" opacity=".55" d="M118 66h50c-3 34 6 48 22 74 14 22 16 58 10 92-2 14-10 20-22 20h-70c-12 0-20-6-22-20-6-34-4-70 10-92 16-26 25-40 22-74z"/><path fill="#5fa3ad" opacity=".6" d="M90 156h106c8 22 9 50 4 76-2 14-10 20-22 20h-70c-12 0-20-6-22-20-5-26-4-54 4-76z"/><ellipse cx="143" cy="156" rx="53" ry="8" fill="#8cc3ca" opacity=".8"/><path fill="#fff" opacity=".45" d="M104 170h8v58h-8z"/><ellipse cx="143" cy="66" rx="25" ry="5" fill="#fff" opacity=".9"/><path fill="#fff" opacity=".55" d="M224 186h60l-7 66h-46z"/><path fill="#5fa3ad" opacity=".6" d="M227 214h54l-4 38h-46z"/><ellipse cx="254" cy="186" rx="30" ry="5" fill="#fff" opacity=".9"/>`,
  ),
  parcel: tile(
    "#d9d7d2",
    "#cbc8c2",
    `${shadow(160, 84)}<path fill="#b3a48d" d="M88 160h144v92H88z"/><path fill="#9d8e77" d="M190 160h42v92h-42z"/><path fill="#c4b69f" d="M88 160l-18-26h144l18 26zm144 0 20-26h-38z"/><path fill="#d8ccb6" d="M142 134h22l6 26h-24zM146 160h24v22h-24z" opacity=".8"/>`,
  ),
} as const;

export type PictureName = keyof typeof drawings;

/** Inline SVG, decorative: the product's name always stands beside it as text. */
export const picture = (name: PictureName) => raw(drawings[name]);
