// The look of the reference page, on top of the common stylesheet: contents beside the text where there is room.

/** Served at /docs.css: the Content-Security-Policy allows no inline style. */
export const referenceStylesheet = `
.reference{padding:0;max-width:none}
.reference-head{max-width:80rem;margin:0 auto;padding:1.5rem 1rem 0}
.reference-head p{max-width:46rem}
.columns{max-width:80rem;margin:0 auto;padding:0 1rem 4rem}
.skip{position:absolute;left:-99rem}
.skip:focus{position:static;display:inline-block;padding:.5rem 0}
.contents{font-size:.86rem;margin:1rem 0}
.contents summary{font-weight:600;padding:.4rem 0;cursor:pointer}
.contents h2{font-size:.8rem;margin:1rem 0 .2rem;color:var(--soft);text-transform:uppercase;letter-spacing:.05em}
.contents ul{list-style:none;margin:0;padding:0}
.contents li a{display:block;padding:.22rem 0;text-decoration:none;color:var(--ink);overflow-wrap:anywhere;line-height:1.4}
.contents li a:hover{color:var(--accent)}
.method{font:600 .74rem/1 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--soft);margin-right:.35rem}
.tag>h2{font-size:1.3rem;margin:2.5rem 0 .2rem}
.operation{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:clamp(.9rem,3vw,1.5rem);margin:1rem 0;scroll-margin-top:.5rem;min-width:0}
.operation:target{border-color:var(--accent);box-shadow:0 0 0 1px var(--accent)}
.operation h3{font:600 1rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;margin:0 0 .3rem;overflow-wrap:anywhere}
.operation h3 a{color:inherit;text-decoration:none}
.operation h3 a:hover{text-decoration:underline}
.operation h3 .method{font-size:.86rem;color:var(--accent)}
.operation h4{font-size:.9rem;margin:1.1rem 0 .3rem}
.operation table{font-size:.86rem}
.operation td,.operation th{padding:.35rem .8rem .35rem 0}
.operation td:first-child code{overflow-wrap:anywhere}
.operation pre{font-size:.82rem;margin:.3rem 0;line-height:1.45}
.operation details{margin:.5rem 0}
.operation summary{cursor:pointer;font-size:.9rem;font-weight:600;padding:.3rem 0}
.need{color:var(--bad);font-size:.8rem;white-space:nowrap}
.about{display:block;color:var(--soft);overflow-wrap:anywhere}
.codes a{white-space:nowrap;margin-right:.5rem}
summary:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}
@media (min-width:40rem){.operation td:first-child{min-width:12rem;width:34%}}
@media (min-width:64rem){@supports selector(details::details-content){.contents details::details-content{content-visibility:visible;block-size:auto}.contents summary{list-style:none;cursor:default}}
.columns{display:grid;grid-template-columns:19rem minmax(0,1fr);gap:2.5rem}
.contents{position:sticky;top:0;max-height:100vh;overflow-y:auto;margin:0;padding:1rem .5rem 2rem 0}}
@media (max-width:40rem){.operation thead{position:absolute;left:-99rem}
.operation tbody tr{display:block;border-bottom:1px solid var(--line);padding:.35rem 0}
.operation tbody td{display:block;border:0;padding:.1rem 0}}
`;
